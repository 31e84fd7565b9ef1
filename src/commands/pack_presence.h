// Whether all that a backup needs is still stored.
#pragma once

#include <cstdint>
#include <map>

#include "crypto/sha256.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

// Asks for each pack by name and length; what is in them is not read. kNotFound, kDamaged: one is
// missing or of another length.
Status RequirePacks(const repository::ClusterAccess& cluster,
                    const std::map<crypto::Sha256Digest, uint64_t>& pack_bytes);

}  // namespace pgcairn::commands
