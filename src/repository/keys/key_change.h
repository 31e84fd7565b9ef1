// Changing who can open a cluster (docs/format.md, section 5).
#pragma once

#include <functional>
#include <vector>

#include "format/keys.pb.h"
#include "repository/identifiers.h"
#include "repository/keys/access_key.h"
#include "repository/keys/opened_keys.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

// An empty change is a rotation: the same access keys, everything else new.
struct KeyChange {
  std::vector<NewAccessKey> add;
  std::vector<AccessKeyId> remove;
};

struct ChangedKeys {
  uint32_t generation = 0;
  uint32_t epoch = 0;
  std::vector<AccessKeyId> added;
  std::vector<format::AccessKeyObject> access_keys;
};

// Starts a new root, sealed to the access keys that stay and to the new ones, and a new epoch under
// it with a new data key. What was stored before stays readable, and runs that have the old keys go
// on. `before_commit` is called when all but the epoch is stored. When it returns OK the change is
// durable, and the access keys of older roots are gone or a warning says so.
// kRefused: the cluster is not encrypted, or no access key would be left. kNotFound: no such access
// key to remove. kDamaged: an access key that would stay is damaged, or was not put there by
// somebody who can open the cluster. kAlreadyExists: an access key to add is one already, or
// another run changed the keys at the same time. Nothing was changed then.
// After any other error the old keys are in force, unless the message says that the new ones are or
// that this is not known.
Result<ChangedKeys> ChangeKeys(
    storage::Storage& storage, const ClusterNames& names, const OpenedKeys& opened,
    KeyChange change, const std::function<void()>& before_commit = [] {});

}  // namespace pgcairn::repository
