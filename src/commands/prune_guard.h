// What stops a prune before it deletes anything (design: safety rule 4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/retention.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

// The host's clock and the storage's differ by more than a day, or a backup lies more than a day
// ahead of one of them. kRefused.
Status GuardClocks(const std::vector<BackupFacts>& backups, Timestamp host, Timestamp storage);

// More than `share_max` percent would go of all backups, or of those that are not of definitions
// alone: many of these must not make the others a small share. kRefused. `all` are there, and may
// be more than `backups`: what one holds that cannot be read is not known, and it may be rows.
Status GuardShare(const std::vector<BackupFacts>& backups, size_t all,
                  const std::vector<std::string>& going, int64_t share_max);

// The newest good physical backup would go, or the newest good logical one: neither restores what
// the other does. kRefused. `going` is rising; `backups` are without those that another prune may
// delete at any time.
Status GuardLastGood(const std::vector<BackupFacts>& backups,
                     const std::vector<std::string>& going);

}  // namespace pgcairn::commands
