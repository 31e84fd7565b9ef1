// The rules of the two configuration files that keep backups: by age, and one for each of so many
// days, weeks, months and years. docs/configuration.md, "What is kept", is their specification.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "commands/retention.h"
#include "config/settings.h"
#include "util/clock.h"

namespace pgcairn::commands {

// By backup id: why it stays.
using KeepReasons = std::map<std::string, std::vector<std::string>>;

// Newest last; of two that stopped at the same time the one with the higher id is newer.
bool StoppedBefore(const BackupFacts* a, const BackupFacts* b);

// retention.full_backups, retention.incremental_backups and
// policies.incremental_backups.keep_hours. Ages count back from `reference`.
void KeepByAge(const std::vector<const BackupFacts*>& backups, const config::Settings& settings,
               Timestamp reference, KeepReasons& reasons);

// policies.daily_backups and policies.incremental_backups.keep_daily. Backups that stopped after
// `reference` take nobody's place.
void KeepByPeriod(const std::vector<const BackupFacts*>& backups, const config::Settings& settings,
                  Timestamp reference, KeepReasons& reasons);

}  // namespace pgcairn::commands
