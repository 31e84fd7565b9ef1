// What a verification found, as JSON and as text.
#pragma once

#include "cli/verb.h"
#include "commands/verify_report.h"

namespace pgcairn::cli {

// docs/json.md, verify.
Json VerifyJson(const commands::VerifyReport& report);

// Standard output: damaged objects and what hangs on each; nothing when there is none.
void PrintDamaged(const commands::VerifyReport& report);

// Each damaged object as an error, for standard error and the log file.
void LogDamaged(const commands::VerifyReport& report);

}  // namespace pgcairn::cli
