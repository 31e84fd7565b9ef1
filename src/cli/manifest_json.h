// Backups and recovery windows as JSON.
#pragma once

#include <string>

#include "cli/verb.h"
#include "commands/list.h"

namespace pgcairn::cli {

// Of a logical backup: whose it is.
std::string DatabaseOf(const format::Manifest& manifest);

// One line of `list`.
Json BackupSummary(const format::Manifest& manifest, const commands::BackupRemarks& remarks);
// All that a manifest knows, for `show`.
Json BackupDetails(const format::Manifest& manifest, const commands::BackupRemarks& remarks);
Json WindowsJson(const commands::ClusterWindows& windows);

}  // namespace pgcairn::cli
