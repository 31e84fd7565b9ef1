// The first steps of a run that uses stored packs (docs/adr/0007): lease, trash, and whether the
// base is still there.
#pragma once

#include <string>

#include "repository/cluster_access.h"
#include "repository/lease/lease.h"
#include "repository/prune/trash.h"
#include "util/result.h"

namespace pgcairn::repository {

struct Claim {
  // From now until the lease is removed, no prune deletes the base named in the lease nor a pack
  // that it needs. False also when no base was named.
  bool base_is_safe = false;
  std::string why_not;  // for people; empty when it is safe or none was named
  // Whether a pack that was stored before may be used, whoever refers to it; if not, its content
  // must be treated as not stored.
  bool MayUse(const crypto::Sha256Digest& pack) const {
    return trash_was_read && !trashed.HasPack(pack);
  }

  bool trash_was_read = false;
  TrashedObjects trashed;
};

// Writes the lease, then reads the trash, then looks for the base's manifest: in that order, for a
// prune may have come to its end between any two of them. A run must decide what to use after this
// returns, and read then what it decides by (the base's manifest, a checkpoint): what it read
// before may be gone. Where the trash cannot be read, nothing that was stored before may be used.
// Errors: those of WriteLease, and those of asking for the manifest. The lease stays when it was
// written.
Result<Claim> WriteLeaseAndClaim(const ClusterAccess& cluster, const LeaseTerms& terms);

}  // namespace pgcairn::repository
