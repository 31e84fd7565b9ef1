// The earlier backup that an incremental one compares with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/previous_map.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/lease/lease.h"
#include "util/result.h"

namespace pgcairn::commands {

struct BackupBase {
  // Nothing when there is no backup that can serve.
  std::optional<format::Manifest> manifest;
  PreviousMap map;
};

// What an earlier backup must be of.
struct BaseWanted {
  uint64_t system_identifier = 0;
  format::Manifest::Method method = format::Manifest::PHYSICAL;
  std::string database = {};  // of a LOGICAL one, as the server names it
};

// Writes the lease of the run, with the base in it: the newest backup that is `wanted`, whose
// manifest and stream lists can be read and which no prune means to delete; those that cannot serve
// are passed over with a warning. What a prune means to delete counts as lost. Its files with
// bad pages are forgotten, so that they are read, judged and reported again. When this returns OK
// the lease is there. Errors: those of listing, and of writing the lease; kAlreadyExists: another
// run has that id, and no lease of this one is left.
Result<BackupBase> ClaimBase(const repository::ClusterAccess& cluster, const BaseWanted& wanted,
                             repository::LeaseTerms lease);

}  // namespace pgcairn::commands
