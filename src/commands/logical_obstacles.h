// What keeps a database from taking a logical backup.
#pragma once

#include "commands/logical_run.h"
#include "util/result.h"

namespace pgcairn::commands {

// Looks at the target and fills the run's missing roles, warnings, and refusals (kRefused): it is
// not empty, roles are missing and are not to be made, extensions cannot be had. For single tables
// the versions alone count: the database may hold whatever it likes. Changes nothing.
Status FindObstacles(LogicalRun& run);

}  // namespace pgcairn::commands
