#include "commands/retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "commands/testing/retained_cluster.h"

namespace pgcairn::commands {
namespace {

using testing::RetainedCluster;

std::vector<std::string> Kept(const RetentionPlan& plan) {
  std::vector<std::string> ids;
  for (const BackupVerdict& verdict : plan.backups) {
    EXPECT_FALSE(verdict.reasons.empty()) << verdict.id;
    if (verdict.keep) ids.push_back(verdict.id);
  }
  return ids;
}

std::vector<std::string> Days(std::initializer_list<double> days) {
  std::vector<std::string> ids;
  for (double day : days) ids.push_back(fmt::format("day {:09.4f}", day));
  return ids;
}

std::string ReasonsOf(const RetentionPlan& plan, double day) {
  std::string text;
  for (const BackupVerdict& verdict : plan.backups) {
    if (verdict.id != Days({day})[0]) continue;
    for (const std::string& reason : verdict.reasons) text += reason + "\n";
  }
  return text;
}

class RetentionTest : public ::testing::Test {
 protected:
  void AddFull(std::initializer_list<double> days) {
    for (double day : days) cluster_.Add(day);
  }
  void AddIncremental(std::initializer_list<double> days) {
    for (double day : days) cluster_.AddIncremental(day);
  }
  config::Settings& settings() { return cluster_.settings; }
  void ExpectKept(std::initializer_list<double> days) {
    EXPECT_EQ(Kept(cluster_.Plan()), Days(days));
  }

  RetainedCluster cluster_;
};

TEST_F(RetentionTest, WithoutBackupsThereIsNothingToDecide) {
  RetentionPlan plan = cluster_.Plan();
  EXPECT_TRUE(plan.backups.empty());
  EXPECT_TRUE(plan.wal.empty());
  EXPECT_TRUE(plan.remarks.empty());
  EXPECT_EQ(plan.reference_id, std::nullopt);
}

TEST_F(RetentionTest, WithoutRulesOnlyTheNewestStays) {
  AddFull({0, 1, 2});
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(Kept(plan), Days({2}));
  EXPECT_EQ(ReasonsOf(plan, 2),
            "the newest good backup\nthe newest good backup, from which ages count back\n");
  EXPECT_EQ(ReasonsOf(plan, 1),
            "no rule keeps it: 24 hours older than day 0002.0000, the newest good backup\n");
}

// Ages

TEST_F(RetentionTest, FullBackupsStayForTheirDaysAndNotAMomentLonger) {
  AddFull({0, 30});
  settings().retention.full_backups = 30;
  ExpectKept({0, 30});
  EXPECT_EQ(ReasonsOf(cluster_.Plan(), 0), "at most 30 days old (retention.full_backups)\n");
  cluster_.backups[0].stopped_at.unix_us -= 1;
  ExpectKept({30});
}

TEST_F(RetentionTest, IncrementalBackupsHaveDaysOfTheirOwn) {
  AddFull({1});
  AddIncremental({2, 3, 10});
  settings().retention.incremental_backups = 7;
  ExpectKept({3, 10});
  settings().retention.full_backups = 9;
  ExpectKept({1, 3, 10});
}

TEST_F(RetentionTest, EveryIncrementalBackupOfTheLastHoursStays) {
  AddIncremental({7.99, 8, 8.25, 8.5, 10});
  AddFull({8.75});
  settings().policies.incremental_backups.keep_hours = 48;
  ExpectKept({8, 8.25, 8.5, 10});
  EXPECT_EQ(ReasonsOf(cluster_.Plan(), 8),
            "at most 48 hours old (policies.incremental_backups.keep_hours)\n");
}

TEST_F(RetentionTest, OneFileIsEnoughToKeepABackup) {
  AddFull({0, 1, 10});
  settings().retention.full_backups = 9;
  settings().policies.daily_backups.keep_daily = 3;
  ExpectKept({0, 1, 10});
  EXPECT_EQ(ReasonsOf(cluster_.Plan(), 1),
            "at most 9 days old (retention.full_backups)\n"
            "the last full backup of 2024-01-02 (policies.daily_backups.keep_daily)\n");
}

// Days, weeks, months, years

TEST_F(RetentionTest, DaysWithoutABackupAreNotCounted) {
  AddFull({0, 1, 5, 9.1, 9.2});
  settings().policies.daily_backups.keep_daily = 3;
  ExpectKept({1, 5, 9.2});
}

TEST_F(RetentionTest, TheBackupOfADayIsItsLastFullOneElseItsLast) {
  AddFull({0.1, 0.2});
  AddIncremental({0.5, 0.75, 1.25, 1.5});
  AddFull({2.1});
  settings().policies.daily_backups.keep_daily = 3;
  ExpectKept({0.2, 1.5, 2.1});
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(ReasonsOf(plan, 0.2),
            "the last full backup of 2024-01-01 (policies.daily_backups.keep_daily)\n");
  EXPECT_EQ(ReasonsOf(plan, 1.5),
            "the last backup of 2024-01-02 (policies.daily_backups.keep_daily)\n");
}

TEST_F(RetentionTest, ABackupBelongsToTheDayOnWhichItStopped) {
  BackupFacts& backup = cluster_.Add(1.001);
  EXPECT_LT(backup.started_at, RetainedCluster::At(1));
  AddFull({0.5, 1.5});
  settings().policies.daily_backups.keep_daily = 2;
  ExpectKept({0.5, 1.5});
}

TEST_F(RetentionTest, TheBackupOfAWeekIsThatOfItsLastDay) {
  // A full backup on Monday and only incremental ones after it: the week is not kept as of Monday.
  AddFull({0});
  AddIncremental({1, 6.5, 6.75});
  AddFull({7, 8.1});
  AddIncremental({8.5});
  AddFull({14.1});
  settings().policies.daily_backups.keep_weekly = 3;
  ExpectKept({6.75, 8.1, 14.1});
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(ReasonsOf(plan, 6.75),
            "the last backup of week 2024-W01 (policies.daily_backups.keep_weekly)\n");
  EXPECT_EQ(ReasonsOf(plan, 8.1),
            "the last full backup of week 2024-W02 (policies.daily_backups.keep_weekly)\n");
}

TEST_F(RetentionTest, MonthsAndYearsAreThoseOfTheCalendar) {
  AddFull({30.9, 31, 59, 60, 365.9, 366, 400});  // 2024 has 366 days
  settings().policies.daily_backups.keep_monthly = 3;
  ExpectKept({365.9, 366, 400});
  settings().policies.daily_backups.keep_monthly = 5;
  ExpectKept({59, 60, 365.9, 366, 400});
  settings().policies.daily_backups.keep_monthly = 0;
  settings().policies.daily_backups.keep_yearly = 2;
  ExpectKept({365.9, 400});
  EXPECT_EQ(ReasonsOf(cluster_.Plan(), 365.9),
            "the last full backup of 2024 (policies.daily_backups.keep_yearly)\n");
}

TEST_F(RetentionTest, AClusterOfIncrementalBackupsHasItsDaysWeeksAndMonths) {
  for (int day = 0; day < 100; ++day) cluster_.AddIncremental(day + 0.25);
  settings().policies.daily_backups = {2, 2, 2, 2};
  // Week 14 of 2024 has its last day with a backup on day 97, a Sunday; March ends on day 90.
  ExpectKept({90.25, 97.25, 98.25, 99.25});
}

TEST_F(RetentionTest, IncrementalBackupsOfADayAreKeptBesideFullOnes) {
  AddFull({0.1, 1.1, 2.1});
  AddIncremental({0.5, 0.75, 1.5, 1.75, 2.05});
  settings().policies.incremental_backups.keep_daily = 2;
  ExpectKept({1.75, 2.05, 2.1});
  EXPECT_EQ(ReasonsOf(cluster_.Plan(), 1.75),
            "the last incremental backup of 2024-01-02 "
            "(policies.incremental_backups.keep_daily)\n");
}

// The table in docs/configuration.md.
TEST_F(RetentionTest, TheExampleOfTheDocumentation) {
  auto add = [this](const char* at, bool incremental) {
    BackupFacts& backup = cluster_.Add(0);
    backup.id = at;
    backup.stopped_at = ParseTimestamp(at).value();
    backup.incremental = incremental;
  };
  for (int day = 1; day <= 24; ++day) {
    bool sunday = day % 7 == 1;
    if (sunday) add(fmt::format("2026-11-{:02} 02:00", day).c_str(), false);
    add(fmt::format("2026-11-{:02} 12:00", day).c_str(), true);
  }
  settings().policies.daily_backups = {3, 2, 0, 0};
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(Kept(plan),
            (std::vector<std::string>{"2026-11-22 02:00", "2026-11-23 12:00", "2026-11-24 12:00"}));
  std::vector<std::string> week48 = plan.backups.back().reasons;
  std::string rule = " (policies.daily_backups.keep_weekly)";
  EXPECT_TRUE(std::count(week48.begin(), week48.end(), "the last backup of week 2026-W48" + rule));
  std::vector<std::string> week47 = plan.backups[plan.backups.size() - 4].reasons;
  EXPECT_TRUE(
      std::count(week47.begin(), week47.end(), "the last full backup of week 2026-W47" + rule));
}

// Always

TEST_F(RetentionTest, PinnedAndHeldBackupsStay) {
  AddFull({0, 1, 2, 3});
  cluster_.backups[0].pinned = true;
  cluster_.backups[1].holds = {"a restore reads it"};
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(Kept(plan), Days({0, 1, 3}));
  EXPECT_EQ(ReasonsOf(plan, 0), "pinned\n");
  EXPECT_EQ(ReasonsOf(plan, 1), "a restore reads it\n");
}

TEST_F(RetentionTest, ABackupWithBadPagesIsNeverTheLastGoodOne) {
  AddFull({0, 1, 2, 3});
  cluster_.backups[2].good = false;
  cluster_.backups[3].good = false;
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(plan.reference_id, Days({1})[0]);
  EXPECT_EQ(Kept(plan), Days({1, 2, 3})) << "what is newer than the last good one stays too";
}

TEST_F(RetentionTest, BadBackupsStayByTheSameRulesAndTakeNoGoodOnesPlace) {
  AddFull({0, 1, 2, 3, 4});
  for (size_t bad : {1, 2, 3}) cluster_.backups[bad].good = false;
  settings().policies.daily_backups.keep_daily = 2;
  ExpectKept({0, 2, 3, 4});
  EXPECT_EQ(ReasonsOf(cluster_.Plan(), 3),
            "the last full backup with bad pages or damage of 2024-01-04 "
            "(policies.daily_backups.keep_daily)\n");
  settings().policies.daily_backups.keep_daily = 0;
  settings().retention.full_backups = 2;
  ExpectKept({2, 3, 4});
}

TEST_F(RetentionTest, WithoutAGoodBackupEverythingStays) {
  AddFull({0, 100});
  for (BackupFacts& backup : cluster_.backups) backup.good = false;
  cluster_.Write(0, 100);
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(Kept(plan), Days({0, 100}));
  EXPECT_EQ(plan.reference_id, std::nullopt);
  ASSERT_EQ(plan.wal.size(), 1u);
  EXPECT_TRUE(plan.wal[0].keep);
  EXPECT_EQ(plan.remarks.size(), 1u);
}

// Clocks

TEST_F(RetentionTest, AgesCountBackFromTheNewestVerifiedBackup) {
  AddFull({0, 10, 20, 100});
  cluster_.backups[1].verified = true;
  settings().retention.full_backups = 10;
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(plan.reference_id, Days({10})[0]);
  EXPECT_EQ(plan.reference_time, RetainedCluster::At(10));
  EXPECT_EQ(Kept(plan), Days({0, 10, 20, 100}));
  EXPECT_NE(ReasonsOf(plan, 20).find("newer than day 0010.0000, the newest verified backup"),
            std::string::npos);
  ASSERT_EQ(plan.remarks.size(), 1u);
  EXPECT_NE(plan.remarks[0].find("2 newer ones are not verified yet"), std::string::npos);
}

TEST_F(RetentionTest, BackupsThatAreNotVerifiedYetTakeNobodysPlace) {
  AddFull({0, 1, 2, 3, 4, 5});
  cluster_.backups[2].verified = true;
  settings().policies.daily_backups.keep_daily = 2;
  ExpectKept({1, 2, 3, 4, 5});
}

TEST_F(RetentionTest, AVerifiedBackupWithBadPagesIsNoReference) {
  AddFull({0, 50});
  cluster_.backups[1].good = false;
  cluster_.backups[1].verified = true;
  settings().retention.full_backups = 1;
  EXPECT_EQ(cluster_.Plan().reference_id, Days({0})[0]);
}

TEST_F(RetentionTest, AClockThatWasSetBackDoesNotMakeTheNewestBackupOld) {
  AddFull({0, 10, 20});
  cluster_.backups[2].stopped_at = RetainedCluster::At(-1000);  // its id still sorts last
  ExpectKept({10, 20});
}

// pg_upgrade

TEST_F(RetentionTest, UntilTheNewClusterHasAGoodBackupTheOldOnesLastStays) {
  cluster_.Add(0).verified = true;
  cluster_.Add(10).verified = true;
  cluster_.Add(11, 1, 2).good = false;
  cluster_.Add(12, 1, 2).good = false;
  cluster_.Write(0, 10);
  cluster_.Write(11, 12, 1, 2);
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(Kept(plan), Days({10, 11, 12}));
  // A good one that nobody has verified is not enough either where others are verified.
  cluster_.Add(200, 1, 2);
  ExpectKept({10, 11, 12, 200});
}

TEST_F(RetentionTest, TheBackupsOfTheOldClusterAgeWithTheNewOnes) {
  cluster_.Add(0).verified = true;
  cluster_.Add(10).verified = true;
  cluster_.Add(11, 1, 2).verified = true;
  cluster_.Write(0, 10);
  cluster_.Write(11, 11, 1, 2);
  settings().retention.full_backups = 5;
  ExpectKept({10, 11});
  cluster_.Add(15.5, 1, 2).verified = true;
  ExpectKept({11, 15.5});
}

TEST_F(RetentionTest, TheNewClusterIsNewerWhateverItsNumbers) {
  // The new cluster begins at a low place on timeline 1, and its system identifier may be lower.
  cluster_.Add(10, 7, 900).verified = true;
  BackupFacts& fresh = cluster_.Add(11, 1, 100);
  fresh.start_lsn = {testing::kSegmentBytes};
  fresh.stop_lsn = {testing::kSegmentBytes + 1000};
  fresh.verified = true;
  ExpectKept({11});
}

// Remarks

TEST_F(RetentionTest, SaysThatWalDoesNotMoveToCheaperStorage) {
  AddFull({0});
  cluster_.backups[0].verified = true;
  EXPECT_TRUE(cluster_.Plan().remarks.empty()) << "the default is nobody's mistake";
  settings().sources["policies.wal_files.archive_after_days"] = "retention.config.json";
  settings().retention.wal_files = 14;
  settings().policies.wal_files = {10, 30};
  ASSERT_EQ(cluster_.Plan().remarks.size(), 1u);
  EXPECT_EQ(cluster_.Plan().remarks[0],
            "policies.wal_files.archive_after_days (30) has no effect: WAL is kept for 14 days and "
            "deleted then");
  settings().policies.wal_files = {60, 30};
  EXPECT_NE(cluster_.Plan().remarks[0].find("no cheaper storage"), std::string::npos);
}

TEST_F(RetentionTest, TheSeedsScheduleAndRules) {
  for (int day = 0; day < 400; ++day) {
    for (double hour : {0.0, 6.0, 12.0, 18.0}) cluster_.AddIncremental(day + hour / 24);
    cluster_.Add(day + 2.0 / 24);
  }
  cluster_.Write(0, 400);
  settings() = config::Settings();
  size_t full = 0;
  size_t incremental = 0;
  RetentionPlan plan = cluster_.Plan();
  std::vector<std::string> ids = Kept(plan);
  for (const BackupFacts& backup : cluster_.backups) {
    if (std::find(ids.begin(), ids.end(), backup.id) == ids.end()) continue;
    ++(backup.incremental ? incremental : full);
  }
  // The newest is an incremental one at 18:00 on day 399, 2025-02-03. Full: days 370 to 399 by age,
  // the ends of eleven months before (January 2025 is among the 30 days), and 2024 ends with
  // December.
  EXPECT_EQ(full, 30u + 10u + 0u);
  // Seven days back to 18:00 on day 392, which the days of keep_daily lie within.
  EXPECT_EQ(incremental, 7u * 4 + 1 + 1) << "and the one that the window begins with";
}

}  // namespace
}  // namespace pgcairn::commands
