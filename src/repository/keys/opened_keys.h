// A cluster's keys, opened as a run that changes them needs them (docs/format.md, section 5).
#pragma once

#include "repository/identifiers.h"
#include "repository/keys/epoch.h"
#include "repository/keys/opened_root.h"
#include "repository/keys/stored_access_keys.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

struct OpenedKeys {
  OpenedRoot root;
  Place place;
  SecretEpoch epoch;       // the newest
  AccessKeys access_keys;  // of the root in force
};

// Opens the newest epoch: the root that it is sealed under is the one in force, whatever access key
// objects of other roots there are. Begins again when the keys are changed meanwhile. kNotFound: no
// such cluster. kWrongKey: none of the credentials opens it; says so when it is of an access key
// that was removed. kDamaged: both copies of an object are damaged.
Result<OpenedKeys> OpenKeys(storage::Storage& storage, const ClusterNames& names,
                            const RepositoryId& repository, const Credentials& credentials);

}  // namespace pgcairn::repository
