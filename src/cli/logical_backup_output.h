// What `pgcairn backup` says of a logical backup.
#pragma once

#include "cli/verb.h"
#include "commands/logical_backup.h"

namespace pgcairn::cli {

Json ToJson(const commands::LogicalBackupReport& report);
void PrintText(const commands::LogicalBackupReport& report);
// What was left out is in the log; the backup is good all the same.
int StatusOf(const commands::LogicalBackupReport& report);

}  // namespace pgcairn::cli
