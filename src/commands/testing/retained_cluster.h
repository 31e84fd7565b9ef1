// Facts of a cluster for tests of retention: ten segments of WAL a day, backups at moments of days.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "commands/retention.h"
#include "config/settings.h"
#include "util/clock.h"

namespace pgcairn::commands::testing {

inline constexpr uint64_t kSegmentBytes = 1 << 20;
inline constexpr uint64_t kSegmentsPerDay = 10;
inline constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
inline constexpr int64_t kDayUs = 24 * kHourUs;
inline constexpr int64_t kWeekUs = 7 * kDayUs;

// No rule keeps anything, and the window is as short as can be.
inline config::Settings WithoutRules() {
  config::Settings settings;
  settings.retention = {0, 0, 0};
  settings.policies.daily_backups = {0, 0, 0, 0};
  settings.policies.incremental_backups = {0, 0};
  settings.policies.wal_files = {0, 0};
  return settings;
}

class RetainedCluster {
 public:
  // Day 0 is a Monday, the first of a month.
  static Timestamp At(double day) {
    static const int64_t kEpoch = ParseTimestamp("2024-01-01").value().unix_us;
    return {kEpoch + static_cast<int64_t>(day * static_cast<double>(kDayUs))};
  }
  static uint64_t SegmentOf(double day) {
    return static_cast<uint64_t>((day + 1) * static_cast<double>(kSegmentsPerDay));
  }

  // A good full backup that stopped then and needs the segment of that moment; named by it.
  BackupFacts& Add(double day, uint32_t timeline = 1, uint64_t system = 1) {
    BackupFacts backup;
    backup.id = fmt::format("day {:09.4f}", day);
    backup.system = {system};
    backup.timeline = {timeline};
    backup.wal_segment_bytes = kSegmentBytes;
    backup.start_lsn = {SegmentOf(day) * kSegmentBytes + 40};
    backup.stop_lsn = {backup.start_lsn.value + 1000};
    backup.started_at = {At(day).unix_us - kHourUs};
    backup.stopped_at = At(day);
    backups.push_back(std::move(backup));
    return backups.back();
  }
  BackupFacts& AddIncremental(double day) {
    BackupFacts& backup = Add(day);
    backup.incremental = true;
    return backup;
  }

  // A good full one of a database; its id says so.
  BackupFacts& AddLogical(double day, const std::string& database, uint64_t system = 1) {
    BackupFacts backup;
    backup.id = fmt::format("day {:09.4f} {}", day, database);
    backup.database = database;
    backup.system = {system};
    backup.wal_segment_bytes = kSegmentBytes;
    backup.started_at = {At(day).unix_us - kHourUs};
    backup.stopped_at = At(day);
    backups.push_back(std::move(backup));
    return backups.back();
  }

  // Archives the segments from one day to another, both included.
  void Write(double from, double to, uint32_t timeline = 1, uint64_t system = 1) {
    System& of = systems[system];
    for (uint64_t n = SegmentOf(from); n <= SegmentOf(to); ++n) of.segments[{timeline}].insert(n);
    of.newest_at[{timeline}] = At(to);
  }
  void Lose(double day, uint32_t timeline = 1) {
    systems[1].segments[{timeline}].erase(SegmentOf(day));
  }
  // `timeline` leaves `parent` at that day's place.
  void Fork(uint32_t timeline, uint32_t parent, double day, uint64_t system = 1) {
    auto& histories = systems[system].histories;
    std::vector<postgres::TimelineSwitch> history = histories[{parent}];
    if (parent == 1) histories.erase({1});
    history.push_back({{parent}, {SegmentOf(day) * kSegmentBytes + 500'000}, "test"});
    histories[{timeline}] = std::move(history);
  }

  std::vector<ArchivedWal> Archives() const {
    std::vector<ArchivedWal> archives;
    for (const auto& [system, of] : systems) {
      archives.push_back(
          {{system}, Archive::Of(kSegmentBytes, of.segments, of.histories), of.newest_at});
    }
    return archives;
  }
  RetentionPlan Plan() const { return PlanRetention(backups, settings, Archives()); }

  struct System {
    std::map<postgres::TimelineId, std::set<uint64_t>> segments;
    std::map<postgres::TimelineId, std::vector<postgres::TimelineSwitch>> histories;
    std::map<postgres::TimelineId, Timestamp> newest_at;
  };
  std::vector<BackupFacts> backups;
  std::map<uint64_t, System> systems;
  config::Settings settings = WithoutRules();
};

}  // namespace pgcairn::commands::testing
