// Tables or definitions out of a physical backup: it is restored to a scratch place, as far as its
// database needs, recovered to the moment by a server that nobody reaches, and what is wanted goes
// from that server into the target.
#pragma once

#include "commands/logical_restore.h"
#include "config/settings.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

// Whether that is what the options ask for: they name a moment, or a physical backup, or the latest
// backup that has what they want, and that is physical.
Result<bool> IsFromPhysical(const repository::ClusterAccess& cluster,
                            const LogicalRestoreOptions& options);

// The scratch place is a TrialDirectory below restore.test_directory, which goes with all that is
// in it, also when a signal ends the process. Errors as RestoreLogical. The report counts no
// requests.
Result<LogicalRestoreReport> RestoreFromPhysical(const config::Settings& settings,
                                                 const repository::ClusterAccess& cluster,
                                                 const LogicalRestoreOptions& options);

}  // namespace pgcairn::commands
