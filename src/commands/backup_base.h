// The earlier backup that an incremental one compares with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/previous_map.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

struct BackupBase {
  // Nothing when there is no backup that can serve.
  std::optional<format::Manifest> manifest;
  PreviousMap map;
};

// The newest backup of that PostgreSQL cluster whose manifest and stream lists can be read; those
// that cannot are passed over with a warning. Its files with bad pages are forgotten, so that they
// are read, judged and reported again. Errors: those of listing.
Result<BackupBase> FindBase(const repository::ClusterAccess& cluster, uint64_t system_identifier);

}  // namespace pgcairn::commands
