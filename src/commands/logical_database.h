// Restores a whole logical backup, or its definitions alone, into a database.
#pragma once

#include "commands/logical_run.h"
#include "util/result.h"

namespace pgcairn::commands {

// Into an empty database, or, as a role that is no superuser, beside what others have in it.
// Refusals (kRefused) go to the run when it is a dry run; else the first one is returned before
// anything is changed.
Status RestoreDatabase(LogicalRun& run);

}  // namespace pgcairn::commands
