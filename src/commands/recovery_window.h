// Which moments can be restored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/manifest.pb.h"
#include "postgres/lsn.h"
#include "repository/cluster_access.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

// A run of moments on one timeline (and its parents) that every moment of can be restored.
struct RecoveryWindow {
  uint64_t system_identifier = 0;
  postgres::TimelineId timeline;
  Timestamp from;  // the stop of the first backup in it
  postgres::Lsn from_lsn;
  // The last transaction end that is archived: every time before it can be reached, and its own
  // state by restoring to the end of the archived WAL. Nothing: no transaction ended since `from`.
  std::optional<Timestamp> to;
  postgres::Lsn to_lsn;              // the end of the archived WAL
  std::vector<std::string> backups;  // ids, oldest first
};

// Segments that should be between two present ones and are not, but for what prunes deleted.
struct WalGap {
  postgres::TimelineId timeline;
  std::string first_missing;
  std::string last_missing;
  uint64_t segments = 0;
};

struct ClusterWindows {
  std::vector<RecoveryWindow> windows;  // oldest first
  std::vector<WalGap> gaps;
  // History files that should be archived and are missing or damaged ("00000002.history"): no
  // backup of an older timeline can be brought onto theirs.
  std::vector<std::string> lost_histories;
};

// `manifests` are those of all backups of the cluster, oldest first. Logical ones open no window.
Result<ClusterWindows> FindRecoveryWindows(const repository::ClusterAccess& cluster,
                                           const std::vector<format::Manifest>& manifests);

}  // namespace pgcairn::commands
