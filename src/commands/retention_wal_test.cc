// What retention decides on archived WAL, and which backups the promised window begins with.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "commands/retention.h"
#include "commands/testing/retained_cluster.h"

namespace pgcairn::commands {
namespace {

using testing::kSegmentBytes;
using testing::RetainedCluster;

std::string Day(double day) { return fmt::format("day {:09.4f}", day); }

std::vector<std::string> KeptOf(const RetentionPlan& plan) {
  std::vector<std::string> ids;
  for (const BackupVerdict& verdict : plan.backups) {
    if (verdict.keep) ids.push_back(verdict.id);
  }
  return ids;
}

// "1: 10-19 go, 20-40 keep"
std::string WalText(const RetentionPlan& plan) {
  std::string text;
  const WalVerdict* before = nullptr;
  for (const WalVerdict& verdict : plan.wal) {
    bool same = before != nullptr && before->range.timeline == verdict.range.timeline &&
                before->range.system == verdict.range.system;
    text +=
        same ? ", " : fmt::format("{}{}: ", text.empty() ? "" : "; ", verdict.range.timeline.value);
    text += fmt::format("{}-{} {}", verdict.range.first, verdict.range.last,
                        verdict.keep ? "keep" : "go");
    before = &verdict;
  }
  return text;
}

class RetentionWalTest : public ::testing::Test {
 protected:
  RetentionWalTest() { cluster_.settings.retention.wal_files = 14; }
  config::Settings& settings() { return cluster_.settings; }
  void ExpectKept(std::initializer_list<double> days) {
    std::vector<std::string> ids;
    for (double day : days) ids.push_back(Day(day));
    EXPECT_EQ(KeptOf(cluster_.Plan()), ids);
  }
  void ExpectWal(const std::string& expected) { EXPECT_EQ(WalText(cluster_.Plan()), expected); }

  RetainedCluster cluster_;
};

// The window

TEST_F(RetentionWalTest, TheWindowBeginsWithTheNewestBackupBeforeIt) {
  for (double day : {0, 5, 6, 7, 20}) cluster_.Add(day);
  cluster_.Write(0, 21);
  ExpectKept({6, 20});  // from day 6 on
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(plan.window_from, RetainedCluster::At(6));
  EXPECT_EQ(plan.backups[2].reasons[0],
            "recovery to any moment since 2024-01-07 00:00:00+00 begins with it "
            "(retention.wal_files: 14 days)");
  ExpectWal("1: 10-69 go, 70-220 keep");
  EXPECT_EQ(plan.wal[0].segments, 60u);
  EXPECT_EQ(plan.wal[0].reasons[0],
            "no kept backup needs it, and it lies before the recovery that retention.wal_files "
            "promises (14 days)");
  EXPECT_EQ(plan.wal[1].reasons,
            std::vector<std::string>{
                "recovery from day 0006.0000 to any moment since 2024-01-07 00:00:00+00 reads it"});
  cluster_.backups[2].stopped_at.unix_us += 1;
  ExpectKept({5, 20});
}

TEST_F(RetentionWalTest, TheLongerOfBothFilesCounts) {
  for (double day : {0, 5, 10, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  settings().policies.wal_files.keep_days = 15;
  ExpectKept({5, 20});
  EXPECT_NE(cluster_.Plan().backups[1].reasons[0].find("policies.wal_files.keep_days: 15 days"),
            std::string::npos);
}

TEST_F(RetentionWalTest, AYoungRepositoryKeepsItsFirstBackup) {
  for (double day : {1, 2, 3}) cluster_.Add(day);
  cluster_.Write(0, 3);
  ExpectKept({1, 3});
  ExpectWal("1: 10-19 go, 20-40 keep");
}

TEST_F(RetentionWalTest, WithoutDaysTheWindowIsFromTheNewestOn) {
  for (double day : {1, 2, 3}) cluster_.Add(day);
  cluster_.Write(0, 4);
  settings().retention.wal_files = 0;
  ExpectKept({3});
  ExpectWal("1: 10-39 go, 40-50 keep");
}

TEST_F(RetentionWalTest, AWindowBeginsWithABadBackupOnlyWhereThereIsNoGoodOne) {
  for (double day : {2, 5, 20}) cluster_.Add(day);
  cluster_.backups[1].good = false;
  cluster_.Write(0, 20);
  ExpectKept({2, 20});
  cluster_.backups[0].good = false;
  ExpectKept({5, 20});
}

TEST_F(RetentionWalTest, KeptBackupsKeepTheirOwnWal) {
  for (double day : {0, 3, 10, 30}) cluster_.Add(day);
  cluster_.backups[1].stop_lsn.value += 2 * kSegmentBytes;
  cluster_.backups[1].pinned = true;
  cluster_.Write(0, 31);
  ExpectKept({3, 10, 30});
  ExpectWal("1: 10-39 go, 40-42 keep, 43-109 go, 110-320 keep");
  EXPECT_EQ(cluster_.Plan().wal[1].reasons,
            std::vector<std::string>{"day 0003.0000 needs it to become consistent"});
}

TEST_F(RetentionWalTest, AStopAtTheEndOfASegmentNeedsNoOther) {
  for (double day : {3, 10, 30}) cluster_.Add(day);
  cluster_.backups[0].stop_lsn = {41 * kSegmentBytes};
  cluster_.backups[0].pinned = true;
  cluster_.Write(0, 31);
  ExpectWal("1: 10-39 go, 40-40 keep, 41-109 go, 110-320 keep");
}

// Lost WAL

TEST_F(RetentionWalTest, WhatAGapCutsOffBeginsWithTheFirstBackupBehindIt) {
  for (double day : {2, 5, 12, 13, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  cluster_.Lose(11);
  ExpectKept({5, 12, 20});
  ExpectWal("1: 10-59 go, 60-129 keep, 130-210 keep");
  // As soon as the window begins behind the gap, what lies before it is of no use.
  cluster_.Add(26);
  cluster_.Write(20, 26);
  ExpectKept({12, 26});
  ExpectWal("1: 10-129 go, 130-270 keep");
}

TEST_F(RetentionWalTest, ABackupWhoseOwnWalIsLostIsNotTheLastGoodOne) {
  for (double day : {1, 2, 3}) cluster_.Add(day);
  settings().retention.wal_files = 0;
  cluster_.Write(0, 4);
  cluster_.Lose(3);
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(KeptOf(plan), (std::vector<std::string>{Day(2), Day(3)}));
  EXPECT_EQ(plan.backups[1].reasons[0], "the newest good backup whose WAL is all there");
}

TEST_F(RetentionWalTest, NoWindowBeginsWithABackupWhoseWalHasAGap) {
  for (double day : {5, 6, 20}) cluster_.Add(day);
  cluster_.backups[1].stop_lsn.value += 2 * kSegmentBytes;
  cluster_.Write(0, 20);
  cluster_.Lose(6.1);
  ExpectKept({5, 20});
}

TEST_F(RetentionWalTest, ABackupThatBeganBeforeAGapIsNotInTheRunBehindIt) {
  for (double day : {10, 12, 30}) cluster_.Add(day);
  cluster_.backups[1].start_lsn = {RetainedCluster::SegmentOf(8) * kSegmentBytes};
  cluster_.Write(0, 30);
  cluster_.Lose(9);
  ExpectKept({10, 30});
}

// Timelines

TEST_F(RetentionWalTest, TheWindowReachesBackOverATimelineSwitch) {
  for (double day : {0, 5, 10}) cluster_.Add(day);
  cluster_.Write(0, 15);
  cluster_.Fork(2, 1, 14);
  cluster_.Write(14, 21, 2);
  cluster_.Add(20, 2);
  ExpectKept({5, 20});
  ExpectWal("1: 10-59 go, 60-160 keep; 2: 150-220 keep");
  // Later the window lies on the new timeline alone.
  cluster_.Add(40, 2);
  cluster_.Write(21, 40, 2);
  ExpectKept({20, 40});
  ExpectWal("1: 10-160 go; 2: 150-209 go, 210-410 keep");
}

TEST_F(RetentionWalTest, ABranchThatWasLeftStaysWhileItLiesInTheWindow) {
  // Restored on day 10 to day 4: what happened on timeline 1 from day 4 to 10 may still be wanted.
  for (double day : {0, 3, 6, 9}) cluster_.Add(day);
  cluster_.Write(0, 10);
  cluster_.Fork(2, 1, 4);
  cluster_.Write(4, 12, 2);
  cluster_.Add(11, 2);
  cluster_.Write(12, 22, 2);
  cluster_.Add(22, 2);
  // The window begins on day 8: with day 6 on timeline 1, with day 3 on timeline 2.
  ExpectKept({3, 6, 22});
  ExpectWal("1: 10-39 go, 40-69 keep, 70-110 keep; 2: 50-230 keep");
  cluster_.Add(25, 2);
  cluster_.Write(22, 25, 2);
  ExpectKept({11, 25});
  ExpectWal("1: 10-110 go; 2: 50-119 go, 120-260 keep");
}

TEST_F(RetentionWalTest, ATimelineThatNobodyCanPlaceStays) {
  for (double day : {5, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  cluster_.Write(15, 16, 3);
  ExpectWal("1: 10-59 go, 60-210 keep; 3: 160-170 keep");
  // One that ended before the window goes when no kept backup may lead to it.
  cluster_.systems[1].newest_at[{3}] = RetainedCluster::At(1);
  cluster_.systems[1].segments[{3}] = {20, 21};
  ExpectWal("1: 10-59 go, 60-210 keep; 3: 20-21 go");
  cluster_.systems[1].newest_at.erase({3});
  ExpectWal("1: 10-59 go, 60-210 keep; 3: 20-21 keep");
}

TEST_F(RetentionWalTest, OlderBackupsMayLeadToATimelineWhoseHistoryIsLost) {
  cluster_.Add(5);
  cluster_.Write(0, 15);
  cluster_.Write(15, 21, 2);
  cluster_.Add(20, 2);
  ExpectWal("1: 10-59 go, 60-160 keep; 2: 160-209 keep, 210-220 keep");
}

TEST_F(RetentionWalTest, ADamagedHistoryLosesNothing) {
  for (double day : {5, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  cluster_.Write(15, 16, 2);
  cluster_.systems[1].histories[{2}] = {{{9}, {kSegmentBytes}, "not of timeline 2"}};
  ExpectWal("1: 10-59 go, 60-210 keep; 2: 160-170 keep");
}

TEST_F(RetentionWalTest, WalThatNoBackupLeadsToYetStays) {
  for (double day : {5, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  cluster_.Fork(2, 1, 4);  // restored to a moment that only deleted backups led to
  cluster_.Write(4, 21, 2);
  ExpectWal("1: 10-59 go, 60-210 keep; 2: 50-220 keep");
  EXPECT_EQ(cluster_.Plan().wal.back().reasons,
            std::vector<std::string>{"no backup leads to this timeline yet"});
}

TEST_F(RetentionWalTest, ANewClusterWithoutABackupKeepsItsWal) {
  for (double day : {5, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  cluster_.Write(20, 21, 1, 2);
  ExpectWal("1: 10-59 go, 60-210 keep; 1: 210-220 keep");
  EXPECT_EQ(cluster_.Plan().wal.back().range.system.value, 2u);
}

TEST_F(RetentionWalTest, TheOldClustersWindowEndsWithItsTime) {
  cluster_.Add(0);
  cluster_.Add(9);
  cluster_.Write(0, 10);
  cluster_.Add(11, 1, 2);
  cluster_.Write(11, 23, 1, 2);
  cluster_.Add(22, 1, 2);
  ExpectKept({0, 11, 22});  // day 8 to 10 of the old one are still promised
  cluster_.Add(25, 1, 2);
  cluster_.Write(23, 25, 1, 2);
  ExpectKept({11, 25});
  ExpectWal("1: 10-110 go; 1: 120-260 keep");
}

// Clocks

TEST_F(RetentionWalTest, AClockThatWasAheadForAWhileKeepsMore) {
  for (double day : {2, 5, 10, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  ExpectKept({5, 20});
  // Day 5's backup was dated four days ahead: whether the window begins behind it is not known.
  cluster_.backups[1].stopped_at = RetainedCluster::At(9);
  ExpectKept({2, 20});
}

TEST_F(RetentionWalTest, AClockThatWasBehindMovesNoWindow) {
  for (double day : {2, 5, 10, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  cluster_.backups[2].stopped_at = RetainedCluster::At(-300);  // whether before day 6 is not known
  ExpectKept({5, 20});
  cluster_.backups[1].stopped_at = RetainedCluster::At(6.5);
  ExpectKept({2, 20});
}

TEST_F(RetentionWalTest, TheTimelineOfTheNewestBackupCountsAsWrittenWhateverClocksSay) {
  for (double day : {2, 5, 10, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  cluster_.systems[1].newest_at[{1}] = RetainedCluster::At(-500);
  ExpectKept({5, 20});
  ExpectWal("1: 10-59 go, 60-210 keep");
}

// Files beside segments

TEST_F(RetentionWalTest, OnlyWhatThePlanSawMayGo) {
  for (double day : {5, 20}) cluster_.Add(day);
  cluster_.Write(0, 20);
  RetentionPlan plan = cluster_.Plan();
  EXPECT_TRUE(plan.MayGo({1}, {{1}, 10}));
  EXPECT_TRUE(plan.MayGo({1}, {{1}, 59}));
  for (uint64_t number : {0, 9, 60, 210, 211, 1000}) {
    EXPECT_FALSE(plan.MayGo({1}, {{1}, number})) << number;
  }
  EXPECT_FALSE(plan.MayGo({2}, {{1}, 10}));
  EXPECT_FALSE(plan.MayGo({1}, {{2}, 10}));
  EXPECT_FALSE(RetentionPlan().MayGo({1}, {{1}, 10}));
}

TEST_F(RetentionWalTest, ThePartialSegmentInWhichATimelineWasLeftGoesWithIt) {
  cluster_.Add(0);
  cluster_.Write(0, 1);
  cluster_.Fork(2, 1, 1.1);
  cluster_.Write(1.1, 40, 2);
  cluster_.Add(10, 2);
  cluster_.Add(40, 2);
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(WalText(plan), "1: 10-20 go; 2: 21-109 go, 110-410 keep");
  EXPECT_TRUE(plan.MayGo({1}, {{1}, 21})) << "21.partial";
  EXPECT_FALSE(plan.MayGo({1}, {{1}, 22}));
  EXPECT_FALSE(plan.MayGo({1}, {{2}, 110}));
}

}  // namespace
}  // namespace pgcairn::commands
