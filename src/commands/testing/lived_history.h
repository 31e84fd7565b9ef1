// A cluster that lives at random: it is written, backed up, restored to earlier moments, upgraded,
// loses WAL and is pruned. It knows what can be restored by walking every path itself.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "commands/retention.h"

namespace pgcairn::commands::testing {

class LivedHistory {
 public:
  static constexpr uint64_t kSegmentBytes = 1 << 20;
  static constexpr int64_t kTickUs = int64_t{6} * 3600 * 1'000'000;

  // The end of a segment on the path to a timeline.
  struct Moment {
    uint64_t system = 0;
    uint32_t timeline = 0;
    uint64_t number = 0;
    friend auto operator<=>(const Moment&, const Moment&) = default;
  };

  explicit LivedHistory(uint64_t seed) : random_(seed) { BeginSystem(); }

  // Six hours.
  void Live() {
    now_.unix_us += kTickUs + Below(1000);
    uint64_t segments = Below(4);
    for (uint64_t i = 0; i < segments; ++i) Write();
    if (Chance(40)) BackUp();
    if (Chance(2)) LoseASegment();
    if (Chance(2)) RestoreToAnEarlierMoment();
    if (Chance(1)) BeginSystem();
    if (verifies_ && !backups_.empty() && Chance(50)) backups_.back().verified = true;
    if (!backups_.empty() && Chance(2)) backups_[Below(backups_.size())].pinned = Chance(50);
  }

  void Apply(const RetentionPlan& plan) {
    std::set<std::string> gone;
    for (const BackupVerdict& verdict : plan.backups) {
      if (!verdict.keep) gone.insert(verdict.id);
    }
    std::erase_if(backups_, [&](const BackupFacts& backup) { return gone.contains(backup.id); });
    for (auto& [system, of] : systems_) {
      for (auto& [timeline, numbers] : of.archived) {
        std::erase_if(numbers, [&, system = system, timeline = timeline](uint64_t number) {
          return plan.MayGo({system}, {{timeline}, number});
        });
      }
      std::erase_if(of.archived, [](const auto& entry) { return entry.second.empty(); });
    }
  }

  // The moments after `from` to which a good backup leads.
  std::set<Moment> Restorable(Timestamp after) const {
    std::set<Moment> moments;
    for (const auto& [system, of] : systems_) {
      for (const auto& [timeline, path] : of.paths) {
        for (uint64_t number : Reached(system, of, timeline)) {
          if (path.at(number).written > after) moments.insert({system, timeline, number});
        }
      }
    }
    return moments;
  }

  const std::vector<BackupFacts>& backups() const { return backups_; }
  std::vector<ArchivedWal> Archives() const {
    std::vector<ArchivedWal> archives;
    for (const auto& [system, of] : systems_) {
      std::map<postgres::TimelineId, std::set<uint64_t>> segments;
      std::map<postgres::TimelineId, Timestamp> newest_at;
      for (const auto& [timeline, numbers] : of.archived) {
        segments[{timeline}] = numbers;
        newest_at[{timeline}] = of.paths.at(timeline).at(*numbers.rbegin()).written;
      }
      archives.push_back({{system}, Archive::Of(kSegmentBytes, segments, of.histories), newest_at});
    }
    return archives;
  }

 private:
  struct Place {
    uint32_t timeline = 0;  // that holds the segment
    Timestamp written;
  };
  using Path = std::map<uint64_t, Place>;
  struct System {
    std::map<uint32_t, std::set<uint64_t>> archived;
    std::map<postgres::TimelineId, std::vector<postgres::TimelineSwitch>> histories;
    std::map<uint32_t, Path> paths;  // what a server on that timeline has written or read
    uint32_t current = 1;
  };

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool Chance(uint64_t percent) { return Below(100) < percent; }

  void BeginSystem() {
    ++system_;
    next_[system_] = 10;
    systems_[system_].paths[1] = {};
    Write();
  }

  System& Now() { return systems_.at(system_); }

  void Write() {
    System& of = Now();
    uint64_t number = next_[system_]++;
    of.paths[of.current][number] = {of.current, now_};
    of.archived[of.current].insert(number);
  }

  void BackUp() {
    BackupFacts backup;
    backup.id = fmt::format("{:06}", ++backup_count_);
    backup.system = {system_};
    backup.timeline = {Now().current};
    backup.wal_segment_bytes = kSegmentBytes;
    backup.started_at = now_;
    backup.start_lsn = {next_[system_] * kSegmentBytes + 40};
    uint64_t segments = 1 + Below(3);
    for (uint64_t i = 0; i < segments; ++i) Write();
    backup.stop_lsn = {next_[system_] * kSegmentBytes - Below(2) * 1000};
    backup.stopped_at = now_;
    backup.incremental = Chance(70);
    backup.good = Chance(85);
    backups_.push_back(std::move(backup));
  }

  void LoseASegment() {
    auto& archived = Now().archived;
    auto& numbers = archived.at(Now().current);
    auto lost = std::next(numbers.begin(), static_cast<int64_t>(Below(numbers.size())));
    if (numbers.size() > 1) numbers.erase(lost);
  }

  // Only what can be restored by now can begin a new timeline; it begins within the segment after.
  void RestoreToAnEarlierMoment() {
    System& of = Now();
    std::vector<Moment> moments;
    for (const auto& [timeline, path] : of.paths) {
      for (uint64_t number : Reached(system_, of, timeline)) {
        moments.push_back({system_, timeline, number});
      }
    }
    if (moments.empty()) return;
    Moment moment = moments[Below(moments.size())];
    uint32_t timeline = of.paths.rbegin()->first + 1;
    const Path& path = of.paths.at(moment.timeline);
    Path& made = of.paths[timeline];
    made = Path(path.begin(), path.upper_bound(moment.number));
    std::vector<postgres::TimelineSwitch> history;
    uint32_t holder = path.at(moment.number).timeline;
    for (const postgres::TimelineSwitch& left : of.histories[{moment.timeline}]) {
      if (left.parent.value < holder) history.push_back(left);
    }
    history.push_back({{holder}, {(moment.number + 1) * kSegmentBytes + 99}, "restored"});
    of.histories[{timeline}] = std::move(history);
    std::erase_if(of.histories, [](const auto& entry) { return entry.second.empty(); });
    of.current = timeline;
    next_[system_] = moment.number + 1;
    Write();
  }

  // Numbers of the segments on the path to `timeline` to whose end a good backup leads.
  std::vector<uint64_t> Reached(uint64_t system, const System& of, uint32_t timeline) const {
    const Path& path = of.paths.at(timeline);
    std::vector<uint64_t> reached;
    uint64_t run_from = 0;
    uint64_t led_from = UINT64_MAX;  // a backup of the present run is consistent from here on
    for (const auto& [number, place] : path) {
      auto archived = of.archived.find(place.timeline);
      if (archived == of.archived.end() || !archived->second.contains(number)) {
        run_from = number + 1;
        led_from = UINT64_MAX;
        continue;
      }
      for (const BackupFacts& backup : backups_) {
        uint64_t last = (backup.stop_lsn.value - 1) / kSegmentBytes;
        if (last != number || !backup.good || backup.system.value != system) continue;
        // A backup of a path lies on the timeline that wrote its segments.
        if (backup.timeline.value != place.timeline) continue;
        if (backup.start_lsn.value / kSegmentBytes >= run_from) led_from = std::min(led_from, last);
      }
      if (led_from <= number) reached.push_back(number);
    }
    return reached;
  }

  std::mt19937_64 random_;
  Timestamp now_{int64_t{1'700'000'000} * 1'000'000};
  bool verifies_ = Chance(50);
  uint64_t system_ = 0;
  std::map<uint64_t, uint64_t> next_;
  std::map<uint64_t, System> systems_;
  std::vector<BackupFacts> backups_;
  uint64_t backup_count_ = 0;
};

}  // namespace pgcairn::commands::testing
