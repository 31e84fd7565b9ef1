// The verification that follows a backup.
#pragma once

#include <string>

#include "commands/verify_report.h"
#include "config/settings.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

// Reads back what the run of `backup_id` stored (kNew), or everything that the backup needs and the
// WAL from it on (kDeep). A good backup is noted as verified; packs that are damaged are recorded,
// so that the next backup stores their units again. The backup stays, whatever is found. Errors:
// those of Verify; the backup is then as good or bad as it was, and nobody knows.
Result<VerifyReport> VerifyNewBackup(const config::Settings& settings, const std::string& backup_id,
                                     config::VerifyDepth depth, ProgressStyle progress);

}  // namespace pgcairn::commands
