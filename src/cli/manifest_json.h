// Backups and recovery windows as JSON.
#pragma once

#include <string>

#include "cli/verb.h"
#include "commands/list.h"

namespace pgcairn::cli {

// "full", "incremental" or "schema".
std::string TypeOf(const format::Manifest& manifest);

// Of a logical backup: whose it is.
std::string DatabaseOf(const format::Manifest& manifest);

// One line of `list`.
Json BackupSummary(const format::Manifest& manifest, const commands::BackupRemarks& remarks);
// All that is known of one, for `show`.
Json BackupDetails(const commands::ShownBackup& backup);
Json WindowsJson(const commands::ClusterWindows& windows);

}  // namespace pgcairn::cli
