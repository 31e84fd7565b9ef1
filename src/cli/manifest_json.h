// Backups and recovery windows as JSON.
#pragma once

#include "cli/verb.h"
#include "commands/list.h"

namespace pgcairn::cli {

// One line of `list`.
Json BackupSummary(const format::Manifest& manifest);
// All that a manifest knows, for `show`.
Json BackupDetails(const format::Manifest& manifest);
Json WindowsJson(const commands::ClusterWindows& windows);

}  // namespace pgcairn::cli
