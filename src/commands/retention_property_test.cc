// What holds for every history and every setting.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "commands/retention.h"
#include "commands/testing/lived_history.h"
#include "commands/testing/retained_cluster.h"

namespace pgcairn::commands {
namespace {

using testing::kDayUs;
using testing::kWeekUs;
using testing::LivedHistory;

// Four hundred years are a whole number of weeks: the calendar begins again.
constexpr int64_t kGregorianCycleUs = int64_t{146'097} * kDayUs;

config::Settings RandomSettings(std::mt19937_64& random) {
  auto some = [&random](int64_t most) {
    return random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % static_cast<uint64_t>(most));
  };
  config::Settings settings;
  settings.retention = {some(20), some(10), some(12)};
  settings.policies.daily_backups = {some(8), some(5), some(4), some(3)};
  settings.policies.incremental_backups = {some(60), some(8)};
  settings.policies.wal_files = {some(12), 30};
  return settings;
}

std::set<std::string> KeptIds(const RetentionPlan& plan) {
  std::set<std::string> ids;
  for (const BackupVerdict& verdict : plan.backups) {
    if (verdict.keep) ids.insert(verdict.id);
  }
  return ids;
}

std::string Text(const RetentionPlan& plan, bool reasons) {
  std::string text;
  auto add = [&](bool keep, const std::vector<std::string>& why) {
    text += keep ? " keep" : " go";
    for (const std::string& reason : why) text += reasons ? ": " + reason : "";
    text += "\n";
  };
  for (const BackupVerdict& verdict : plan.backups) {
    text += verdict.id;
    add(verdict.keep, verdict.reasons);
  }
  for (const WalVerdict& verdict : plan.wal) {
    text +=
        fmt::format("{} {} {}-{} ({})", verdict.range.system.value, verdict.range.timeline.value,
                    verdict.range.first, verdict.range.last, verdict.segments);
    add(verdict.keep, verdict.reasons);
  }
  return text;
}

// Some days of a history, with settings.
struct SampledFacts {
  explicit SampledFacts(uint64_t seed) : history(seed), random(seed + 1'000'000) {
    settings = RandomSettings(random);
    uint64_t ticks = 20 + random() % 200;
    for (uint64_t i = 0; i < ticks; ++i) history.Live();
    archives = history.Archives();
    plan = PlanRetention(history.backups(), settings, archives);
  }
  LivedHistory history;
  std::mt19937_64 random;
  config::Settings settings;
  std::vector<ArchivedWal> archives;
  RetentionPlan plan;
};

constexpr uint64_t kSamples = 300;

TEST(RetentionProperties, WhatCouldBeRestoredInTheWindowStillCanAfterEveryPrune) {
  size_t deleted_backups = 0;
  size_t deleted_segments = 0;
  size_t moments = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    LivedHistory pruned(seed);
    std::mt19937_64 random(seed);
    config::Settings settings = RandomSettings(random);
    Timestamp latest_from{INT64_MIN};
    for (int tick = 0; tick < 200; ++tick) {
      pruned.Live();
      if (random() % 4 != 0) continue;
      RetentionPlan plan = PlanRetention(pruned.backups(), settings, pruned.Archives());
      latest_from = std::max(latest_from, plan.window_from.value_or(latest_from));
      std::set<LivedHistory::Moment> before = pruned.Restorable(latest_from);
      pruned.Apply(plan);
      std::set<LivedHistory::Moment> after = pruned.Restorable(latest_from);
      ASSERT_TRUE(before == after) << "tick " << tick << "\n" << Text(plan, true);
      moments += after.size();
      for (const BackupVerdict& verdict : plan.backups) deleted_backups += verdict.keep ? 0 : 1;
      for (const WalVerdict& verdict : plan.wal) {
        deleted_segments += verdict.keep ? 0 : verdict.segments;
      }
      RetentionPlan again = PlanRetention(pruned.backups(), settings, pruned.Archives());
      ASSERT_EQ(KeptIds(again).size(), again.backups.size()) << "tick " << tick;
      for (const WalVerdict& verdict : again.wal) ASSERT_TRUE(verdict.keep) << "tick " << tick;
    }
  }
  // The histories are such that pruning has work to do.
  EXPECT_GT(deleted_backups, 1000u);
  EXPECT_GT(deleted_segments, 1000u);
  EXPECT_GT(moments, 10'000u);
}

TEST(RetentionProperties, TheNewestGoodBackupAndWhatIsPinnedAlwaysStay) {
  for (uint64_t seed = 0; seed < kSamples; ++seed) {
    SCOPED_TRACE(seed);
    SampledFacts sample(seed);
    std::set<std::string> kept = KeptIds(sample.plan);
    std::string newest_good;
    for (const BackupFacts& backup : sample.history.backups()) {
      if (backup.good) newest_good = std::max(newest_good, backup.id);
      EXPECT_TRUE(kept.contains(backup.id) || !backup.pinned) << backup.id;
    }
    if (newest_good.empty()) {
      EXPECT_EQ(kept.size(), sample.history.backups().size());
    } else {
      EXPECT_TRUE(kept.contains(newest_good)) << newest_good;
    }
  }
}

TEST(RetentionProperties, MoreDaysNeverKeepLess) {
  for (uint64_t seed = 0; seed < kSamples; ++seed) {
    SCOPED_TRACE(seed);
    SampledFacts sample(seed);
    config::Settings more = sample.settings;
    int64_t* counts[] = {&more.retention.full_backups,
                         &more.retention.incremental_backups,
                         &more.policies.daily_backups.keep_daily,
                         &more.policies.daily_backups.keep_weekly,
                         &more.policies.daily_backups.keep_monthly,
                         &more.policies.daily_backups.keep_yearly,
                         &more.policies.incremental_backups.keep_hours,
                         &more.policies.incremental_backups.keep_daily};
    for (int64_t* count : counts) *count += static_cast<int64_t>(sample.random() % 3);
    RetentionPlan plan = PlanRetention(sample.history.backups(), more, sample.archives);
    std::set<std::string> kept = KeptIds(plan);
    for (const std::string& id : KeptIds(sample.plan)) EXPECT_TRUE(kept.contains(id)) << id;
    for (const WalVerdict& verdict : plan.wal) {
      if (verdict.keep) continue;
      for (uint64_t number : {verdict.range.first, verdict.range.last}) {
        EXPECT_TRUE(sample.plan.MayGo(verdict.range.system, {verdict.range.timeline, number}));
      }
    }
  }
}

TEST(RetentionProperties, APinKeepsNothingElseFromStaying) {
  for (uint64_t seed = 0; seed < kSamples; ++seed) {
    SCOPED_TRACE(seed);
    SampledFacts sample(seed);
    std::vector<BackupFacts> backups = sample.history.backups();
    if (backups.empty()) continue;
    BackupFacts& pinned = backups[sample.random() % backups.size()];
    pinned.pinned = true;
    std::set<std::string> expected = KeptIds(sample.plan);
    expected.insert(pinned.id);
    EXPECT_EQ(KeptIds(PlanRetention(backups, sample.settings, sample.archives)), expected);
  }
}

TEST(RetentionProperties, TheOrderOfTheFactsDoesNotMatter) {
  for (uint64_t seed = 0; seed < kSamples; ++seed) {
    SCOPED_TRACE(seed);
    SampledFacts sample(seed);
    std::vector<BackupFacts> backups = sample.history.backups();
    std::shuffle(backups.begin(), backups.end(), sample.random);
    std::shuffle(sample.archives.begin(), sample.archives.end(), sample.random);
    EXPECT_EQ(Text(PlanRetention(backups, sample.settings, sample.archives), true),
              Text(sample.plan, true));
  }
}

TEST(RetentionProperties, OnlyTheDistancesOfTimesMatter) {
  for (uint64_t seed = 0; seed < kSamples; ++seed) {
    SCOPED_TRACE(seed);
    SampledFacts sample(seed);
    config::Settings without_months = sample.settings;
    without_months.policies.daily_backups.keep_monthly = 0;
    without_months.policies.daily_backups.keep_yearly = 0;
    auto weeks = static_cast<int64_t>(sample.random() % 5000) - 2500;
    struct Shift {
      config::Settings settings;
      int64_t us;
    };
    for (const Shift& shift :
         {Shift{sample.settings, kGregorianCycleUs}, Shift{sample.settings, -kGregorianCycleUs},
          Shift{without_months, weeks * kWeekUs}}) {
      std::vector<BackupFacts> backups = sample.history.backups();
      for (BackupFacts& backup : backups) {
        backup.started_at.unix_us += shift.us;
        backup.stopped_at.unix_us += shift.us;
      }
      std::vector<ArchivedWal> archives = sample.archives;
      for (ArchivedWal& wal : archives) {
        for (auto& [timeline, at] : wal.newest_at) at.unix_us += shift.us;
      }
      EXPECT_EQ(
          Text(PlanRetention(backups, shift.settings, archives), false),
          Text(PlanRetention(sample.history.backups(), shift.settings, sample.archives), false));
    }
  }
}

TEST(RetentionProperties, EveryArchivedSegmentIsInExactlyOneVerdict) {
  for (uint64_t seed = 0; seed < kSamples; ++seed) {
    SCOPED_TRACE(seed);
    SampledFacts sample(seed);
    size_t segments = 0;
    for (const ArchivedWal& wal : sample.archives) {
      for (postgres::TimelineId timeline : wal.archive.Timelines()) {
        for (uint64_t number : wal.archive.SegmentsOf(timeline)) {
          ++segments;
          size_t verdicts = 0;
          for (const WalVerdict& verdict : sample.plan.wal) {
            if (verdict.range.system != wal.system || verdict.range.timeline != timeline) continue;
            if (number < verdict.range.first || number > verdict.range.last) continue;
            ++verdicts;
            EXPECT_EQ(sample.plan.MayGo(wal.system, {timeline, number}), !verdict.keep);
            EXPECT_FALSE(verdict.reasons.empty());
          }
          EXPECT_EQ(verdicts, 1u);
        }
      }
    }
    size_t counted = 0;
    for (const WalVerdict& verdict : sample.plan.wal) counted += verdict.segments;
    EXPECT_EQ(counted, segments);
  }
}

}  // namespace
}  // namespace pgcairn::commands
