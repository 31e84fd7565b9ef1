// What keeps a database from taking anything of a logical backup.
#pragma once

#include "commands/logical_run.h"
#include "util/result.h"

namespace pgcairn::commands {

// The run gets a warning when the target is older than the backup.
void CompareVersions(LogicalRun& run);

// Of single tables: whose roles their definitions name, pg_restore knows; with create_roles those
// that the server lacks are found, to be made. Changes nothing.
Status FindMissingRoles(LogicalRun& run);

}  // namespace pgcairn::commands
