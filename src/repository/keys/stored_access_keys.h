// The access key objects that a cluster has, and which of them are in force (docs/format.md,
// section 5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/keys.pb.h"
#include "repository/identifiers.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// One access key object, which is stored under `name` and under its copy's, or under one of them.
struct StoredAccessKey {
  std::string name;  // without the copy's suffix
  uint32_t generation = 0;
  AccessKeyId id;
  Result<format::AccessKeyObject> object;  // kDamaged when both copies are
};

// All of them, of whatever root, in the order of their names; what is deleted meanwhile is left
// out.
Result<std::vector<StoredAccessKey>> ReadAccessKeys(storage::Storage& storage,
                                                    const ClusterNames& names);

// kDamaged: not an access key, or not the one of that name.
Result<format::AccessKeyObject> DecodeAccessKey(const ClusterNames& names, const std::string& name,
                                                ByteView object);

struct DamagedAccessKey {
  AccessKeyId id;
  Error error;
};

// Those of one root.
struct AccessKeys {
  uint32_t generation = 0;  // 0: there is none
  std::vector<format::AccessKeyObject> readable;
  std::vector<DamagedAccessKey> damaged;  // of that generation; of every one when none is readable
};
AccessKeys AccessKeysOf(const KeyId& root, const std::vector<StoredAccessKey>& stored);

// Those whose root can never be in force again, whatever a run that is stopped may still do: it is
// another one, and of no higher generation. `in_force` was proven by opening an epoch with it.
std::vector<StoredAccessKey> RetiredAccessKeys(const KeyId& in_force, uint32_t generation,
                                               const std::vector<StoredAccessKey>& stored);

}  // namespace pgcairn::repository
