#include "commands/retention_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "commands/calendar_period.h"

namespace pgcairn::commands {
namespace {

using Backups = std::vector<const BackupFacts*>;

constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
constexpr int64_t kDayUs = 24 * kHourUs;

struct AgeRule {
  std::string_view key;
  std::string_view unit;
  int64_t count;
  int64_t unit_us;
  bool incremental;
};

// Of each of the last `count` periods that have a backup, one stays.
struct PeriodRule {
  std::string_view key;
  Period period;
  int64_t count;
  bool incremental_only;
};

// What stays of a day: its last full backup, because a full one has read and compared everything;
// the last one of a day without. `begin` to `end` are those of one day, newest last.
const BackupFacts* OfDay(Backups::const_iterator begin, Backups::const_iterator end) {
  for (auto it = end; it != begin;) {
    if (!(*--it)->incremental) return *it;
  }
  return *(end - 1);
}

// For each day with a backup, oldest first, the one that stays of it. `backups`: newest last.
Backups OnePerDay(const Backups& backups) {
  Backups one_per_day;
  for (auto begin = backups.begin(); begin != backups.end();) {
    int64_t day = PeriodNumber(Period::kDay, (*begin)->stopped_at);
    auto end = std::find_if(begin, backups.end(), [day](const BackupFacts* backup) {
      return PeriodNumber(Period::kDay, backup->stopped_at) != day;
    });
    one_per_day.push_back(OfDay(begin, end));
    begin = end;
  }
  return one_per_day;
}

std::string Describe(const BackupFacts& backup, const PeriodRule& rule) {
  std::string_view type = rule.incremental_only ? "incremental "
                          : backup.incremental  ? ""
                                                : "full ";
  return fmt::format("the last {}backup{} of {} ({})", type,
                     backup.good ? "" : " with bad pages or damage",
                     PeriodName(rule.period, backup.stopped_at), rule.key);
}

// The backup of a week, month or year is that of its last day with one. `one_per_day`: newest last.
void Apply(const PeriodRule& rule, const Backups& one_per_day, KeepReasons& reasons) {
  int64_t left = rule.count;
  const BackupFacts* newer = nullptr;
  for (auto it = one_per_day.rbegin(); it != one_per_day.rend() && left > 0; ++it) {
    const BackupFacts& backup = **it;
    if (newer != nullptr && PeriodNumber(rule.period, newer->stopped_at) ==
                                PeriodNumber(rule.period, backup.stopped_at)) {
      continue;
    }
    reasons[backup.id].push_back(Describe(backup, rule));
    newer = &backup;
    --left;
  }
}

std::vector<PeriodRule> PeriodRules(const config::Settings::Policies& policies) {
  const auto& daily = policies.daily_backups;
  return {
      {"policies.daily_backups.keep_daily", Period::kDay, daily.keep_daily, false},
      {"policies.daily_backups.keep_weekly", Period::kWeek, daily.keep_weekly, false},
      {"policies.daily_backups.keep_monthly", Period::kMonth, daily.keep_monthly, false},
      {"policies.daily_backups.keep_yearly", Period::kYear, daily.keep_yearly, false},
      {"policies.incremental_backups.keep_daily", Period::kDay,
       policies.incremental_backups.keep_daily, true},
  };
}

}  // namespace

bool StoppedBefore(const BackupFacts* a, const BackupFacts* b) {
  return std::tie(a->stopped_at, a->id) < std::tie(b->stopped_at, b->id);
}

void KeepByAge(const std::vector<const BackupFacts*>& backups, const config::Settings& settings,
               Timestamp reference, KeepReasons& reasons) {
  const AgeRule rules[] = {
      {"retention.full_backups", "days", settings.retention.full_backups, kDayUs, false},
      {"retention.incremental_backups", "days", settings.retention.incremental_backups, kDayUs,
       true},
      {"policies.incremental_backups.keep_hours", "hours",
       settings.policies.incremental_backups.keep_hours, kHourUs, true},
  };
  for (const AgeRule& rule : rules) {
    if (rule.count == 0) continue;
    for (const BackupFacts* backup : backups) {
      if (backup->incremental != rule.incremental) continue;
      if (backup->stopped_at.unix_us < reference.unix_us - rule.count * rule.unit_us) continue;
      reasons[backup->id].push_back(
          fmt::format("at most {} {} old ({})", rule.count, rule.unit, rule.key));
    }
  }
}

void KeepByPeriod(const std::vector<const BackupFacts*>& backups, const config::Settings& settings,
                  Timestamp reference, KeepReasons& reasons) {
  for (const PeriodRule& rule : PeriodRules(settings.policies)) {
    // Apart, so that backups of a server with damaged pages never push out good ones.
    for (bool good : {true, false}) {
      Backups counted;
      for (const BackupFacts* backup : backups) {
        if (backup->good != good || backup->stopped_at > reference) continue;
        if (rule.incremental_only && !backup->incremental) continue;
        counted.push_back(backup);
      }
      std::sort(counted.begin(), counted.end(), StoppedBefore);
      Apply(rule, OnePerDay(counted), reasons);
    }
  }
}

}  // namespace pgcairn::commands
