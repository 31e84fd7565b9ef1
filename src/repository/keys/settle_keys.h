// What a change of keys leaves to be done once the new root is in force (docs/format.md,
// section 5).
#pragma once

#include <vector>

#include "repository/identifiers.h"
#include "repository/keys/stored_access_keys.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

// Deletes those access key objects. Before, those of roots that once were in force, and that are
// not among `in_force`, get a record of their removal.
Status RetireAccessKeys(storage::Storage& storage, const ClusterNames& names,
                        const std::vector<StoredAccessKey>& retired,
                        const std::vector<format::AccessKeyObject>& in_force);

// Ends what a run left that was interrupted: stores the copies that are missing of the access keys
// and the epoch in force, and deletes access keys that can never be in force again. `root` and
// `generation` are those in force, proven by opening `epoch`. May run at any time, beside anything.
Status SettleKeys(storage::Storage& storage, const ClusterNames& names, const KeyId& root,
                  uint32_t generation, uint32_t epoch);

}  // namespace pgcairn::repository
