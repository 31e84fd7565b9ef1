// Packs that a verification found missing or damaged (docs/format.md, section 15): the next backup
// treats their units as not stored.
//
// None of it needs a key.
#pragma once

#include <vector>

#include "crypto/sha256.h"
#include "format/damaged.pb.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

using DamageProof = format::DamagedPack::Proof;

// Only what was proven: that a read failed proves nothing of a pack. OK also when the pack was
// recorded before, by another run too; that record stays as it is. Durable when it returns OK.
// Errors: those of a put.
Status RecordDamagedPack(storage::Storage& storage, const ClusterNames& names,
                         const crypto::Sha256Digest& sha256, DamageProof proof);

// All of them, in rising order, by one listing: the records themselves are not read, so one that
// is itself damaged counts. Objects with other names are left out.
Result<std::vector<crypto::Sha256Digest>> ListDamagedPacks(storage::Storage& storage,
                                                           const ClusterNames& names);

// kNotFound, kDamaged, kUnsupported.
Result<format::DamagedPack> ReadDamagedPack(storage::Storage& storage, const ClusterNames& names,
                                            const crypto::Sha256Digest& sha256);

// For a pack that was proven good again, or that is gone with all that referred to it. OK also when
// it is not recorded.
Status RemoveDamagedPack(storage::Storage& storage, const ClusterNames& names,
                         const crypto::Sha256Digest& sha256);

}  // namespace pgcairn::repository
