// The steps that a restore and a trial restore share.
#pragma once

#include "commands/open_cluster.h"
#include "commands/recovery_config.h"
#include "commands/recovery_plan.h"
#include "commands/restore.h"
#include "commands/restore_files.h"
#include "commands/restore_selection.h"
#include "commands/restore_target.h"
#include "storage/counting/counting_storage.h"
#include "util/result.h"

namespace pgcairn::commands {

struct WrittenDirectory {
  RestoredFiles files;
  uint64_t files_removed = 0;
};

// Files, recovery settings, labels, and pg_control last; all durable when it returns OK. Until then
// no server starts there, and a marker (restore_marker.h) says what is going on. `existing` is
// kReuse for a directory that CheckDeltaTarget (delta_check.h) has accepted: what the backup does
// not have is removed from it. `selection` leaves nothing out then.
Result<WrittenDirectory> WriteRestoredDirectory(const config::Settings& settings,
                                                const repository::ClusterAccess& cluster,
                                                const RecoveryPlan& plan,
                                                const RestorePlaces& places,
                                                const RestoreOptions& options, Existing existing,
                                                const RestoreSelection& selection = {});

// What both reports say: all but what comes after the writing.
RestoreReport BeginReport(const RecoveryPlan& plan, const RestorePlaces& places,
                          const WrittenDirectory& written,
                          const storage::CountingStorage& requests);

}  // namespace pgcairn::commands
