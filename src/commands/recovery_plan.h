// From a recovery target to a backup, a timeline and proof that the target can be reached (rules
// 23, 24, 25 and 28b of what a physical restore must get right).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/recovery_target.h"
#include "commands/wal_run.h"
#include "format/manifest.pb.h"
#include "postgres/lsn.h"
#include "postgres/wal/wal_record.h"
#include "repository/cluster_access.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RecoveryPlan {
  format::Manifest manifest;      // of the backup to begin with
  postgres::TimelineId timeline;  // for recovery_target_timeline
  RecoveryTarget target;
  // Where recovery will stop; nothing for kLatest and kImmediate.
  std::optional<postgres::Lsn> stop_lsn;
  // The stretch of archived WAL that was looked at: on the way to the timeline, from the backup on.
  std::optional<WalRun> run;
  // For kLatest: the start of the last record that is archived now; nothing when there is none
  // after the backup, or when the log is unreadable.
  std::optional<postgres::Lsn> last_record;
  // A segment that recovery needs is damaged: it ends there, and not all was looked at.
  bool log_is_unreadable = false;
  // Those that recovery makes by itself (replayed_tablespaces.h).
  std::vector<postgres::TablespaceCreation> replayed_tablespaces;
  // For people: which backup, which timeline and why, how the target was understood.
  std::vector<std::string> explanation;
};

// `source` is "latest" (the newest backup that can reach the target, and is good) or a backup's id.
// kUnreachableTarget: no backup can reach it; the message names the window that can be reached.
// kUsage: the target lies on several timelines and none was named; the message names them. Or
// `source` names a logical backup.
// kNotFound: no such backup, or all are logical.
// kDamaged: a later timeline's history file is lost and no timeline was named.
Result<RecoveryPlan> PlanRecovery(const repository::ClusterAccess& cluster,
                                  const RecoveryTarget& target, const std::string& source);

}  // namespace pgcairn::commands
