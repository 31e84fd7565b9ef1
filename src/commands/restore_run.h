// The steps that a restore and a trial restore share.
#pragma once

#include "commands/open_cluster.h"
#include "commands/recovery_config.h"
#include "commands/recovery_plan.h"
#include "commands/restore.h"
#include "commands/restore_files.h"
#include "commands/restore_target.h"
#include "util/result.h"

namespace pgcairn::commands {

// Files, recovery settings, labels, and pg_control last; all durable when it returns OK.
Result<RestoredFiles> WriteRestoredDirectory(const config::Settings& settings,
                                             const repository::ClusterAccess& cluster,
                                             const RecoveryPlan& plan, const RestorePlaces& places,
                                             const RestoreOptions& options);

}  // namespace pgcairn::commands
