// Epochs: the data keys of a cluster, sealed under its root (docs/format.md, section 5).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "format/keys.pb.h"
#include "repository/identifiers.h"
#include "repository/keys/access_key.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

KeyId DataKeyIdOf(ByteView key);

// A message full of keys: wiped when destroyed.
struct EpochWiper {
  void operator()(format::Epoch* epoch) const;
};
using SecretEpoch = std::unique_ptr<format::Epoch, EpochWiper>;

// A cluster's first epoch: everything in it is new.
Result<SecretEpoch> FirstEpoch(const ClusterId& cluster);
// The one after it: a new data key, and all older ones and the cluster's other secrets unchanged.
Result<SecretEpoch> EpochAfter(const format::Epoch& epoch);

Result<Bytes> SealEpoch(const format::Epoch& epoch, const RootSecret& root, Place place);
// kDamaged: not the epoch of that number in that place, or not sealed so. kWrongKey: sealed under
// another root.
Result<SecretEpoch> OpenEpoch(ByteView object, uint32_t number, const RootSecret& root,
                              Place place);

// The number of the highest epoch that is stored, under either of its names; nothing when there is
// none.
Result<std::optional<uint32_t>> NewestEpoch(storage::Storage& storage, const ClusterNames& names);
// Of a stored epoch: the root that it is sealed under. Not proven: a reader who opens it knows.
Result<KeyId> RootNamedBy(ByteView object);

}  // namespace pgcairn::repository
