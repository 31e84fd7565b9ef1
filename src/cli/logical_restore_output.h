// What a restore into a database did, or would do, as JSON and as text.
#pragma once

#include "cli/verb.h"
#include "commands/logical_drill.h"
#include "commands/logical_restore.h"

namespace pgcairn::cli {

// docs/json.md, restore into a database.
Json LogicalRestoreJson(const commands::LogicalRestoreReport& report);
// Standard output.
void PrintLogicalRestore(const commands::LogicalRestoreReport& report);

Json LogicalTestJson(const commands::LogicalTestReport& report);
void PrintLogicalTest(const commands::LogicalTestReport& report);

}  // namespace pgcairn::cli
