// Tombstones: what stands under the name of a manifest that will never be (docs/format.md, section
// 14).
#pragma once

#include <string>

#include "format/runs.pb.h"
#include "repository/cluster_access.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

enum class GivenUp {
  kNow,      // this call put the tombstone
  kBefore,   // somebody else did
  kTooLate,  // the backup exists: its manifest was first
};

// Gives up on the run `backup_id`: when this returns kNow or kBefore, that run cannot commit any
// more, whatever it still does. Durable. `reason` is for people. Other errors than kDamaged (what
// stands there is neither): nothing is known.
Result<GivenUp> GiveUp(const ClusterAccess& cluster, const std::string& backup_id,
                       const std::string& reason);

// Whether an object under a manifest's name is a tombstone, by its header: 8 bytes are enough.
bool LooksLikeTombstone(ByteView object);
// Objects that are longer are none.
inline constexpr uint64_t kTombstoneBytesMax = 4096;

// kDamaged: it is not the tombstone of that run.
Result<format::Tombstone> ReadTombstone(ByteView object, const std::string& backup_id);

// For the one who asks for a manifest and finds a tombstone: kNotFound, saying by whom and why.
Error GivenUpError(const format::Tombstone& tombstone);

}  // namespace pgcairn::repository
