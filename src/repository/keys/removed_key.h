// What stays of an access key that was removed: its id, so that its owner can be told
// (docs/format.md, section 5).
#pragma once

#include <optional>
#include <vector>

#include "format/keys.pb.h"
#include "repository/identifiers.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

// Puts a record for the access key of `object`, which is no longer one; OK when there is one
// already.
Status RecordRemoval(storage::Storage& storage, const ClusterNames& names,
                     const format::AccessKeyObject& object);

// All that can be read; they are unproven, and a damaged one only makes a message less clear.
Result<std::vector<format::RemovedAccessKey>> ListRemovedKeys(storage::Storage& storage,
                                                              const ClusterNames& names);

// Nothing when there is no record of it that can be read.
std::optional<format::RemovedAccessKey> FindRemovedKey(storage::Storage& storage,
                                                       const ClusterNames& names,
                                                       const AccessKeyId& id);

// kDamaged: not such a record, or not the one of that name.
Result<format::RemovedAccessKey> DecodeRemovedKey(const ClusterNames& names,
                                                  const std::string& name, ByteView object);

}  // namespace pgcairn::repository
