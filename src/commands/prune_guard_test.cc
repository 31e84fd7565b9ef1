#include "commands/prune_guard.h"

#include <gtest/gtest.h>

namespace pgcairn::commands {
namespace {

constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
const Timestamp kNow = Timestamp::FromUnixSeconds(1'704'000'000);

Timestamp Hours(int64_t hours) { return {kNow.unix_us + hours * kHourUs}; }

BackupFacts Backup(const std::string& id, Timestamp stopped) {
  BackupFacts facts;
  facts.id = id;
  facts.started_at = facts.stopped_at = stopped;
  return facts;
}

TEST(GuardClocks, ClocksWithinADayPass) {
  EXPECT_TRUE(
      GuardClocks({Backup("a", Hours(-500)), Backup("b", Hours(23))}, kNow, Hours(23)).ok());
  EXPECT_TRUE(GuardClocks({}, kNow, Hours(-24)).ok());
}

TEST(GuardClocks, AStorageThatIsADayOffStopsEverything) {
  for (int64_t hours : {25, -25, 24 * 365}) {
    Status guarded = GuardClocks({}, kNow, Hours(hours));
    ASSERT_FALSE(guarded.ok()) << hours;
    EXPECT_EQ(guarded.code(), Code::kRefused);
    EXPECT_FALSE(guarded.error().hint.empty());
  }
}

TEST(GuardClocks, ABackupThatIsADayAheadStopsEverything) {
  Status guarded = GuardClocks({Backup("early", kNow), Backup("late", Hours(25))}, kNow, kNow);
  ASSERT_FALSE(guarded.ok());
  EXPECT_NE(guarded.error().message.find("late"), std::string::npos);
  EXPECT_FALSE(GuardClocks({Backup("late", Hours(25))}, Hours(20), kNow).ok())
      << "ahead of one of the two is enough";
  BackupFacts started = Backup("x", kNow);
  started.started_at = Hours(25);
  EXPECT_FALSE(GuardClocks({started}, kNow, kNow).ok());
}

std::vector<std::string> IdsOf(size_t count) {
  std::vector<std::string> ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(std::to_string(1000 + i));
  return ids;
}

TEST(GuardShare, TheStatedShareMayGoAndNoMore) {
  auto guard = [](size_t going, size_t all, int64_t share_max) {
    return GuardShare({}, all, IdsOf(going), share_max);
  };
  EXPECT_TRUE(guard(0, 0, 0).ok());
  EXPECT_TRUE(guard(0, 3, 0).ok());
  EXPECT_FALSE(guard(1, 1000, 0).ok());
  EXPECT_TRUE(guard(2, 4, 50).ok());
  EXPECT_TRUE(guard(3, 4, 100).ok());
  Status guarded = guard(3, 5, 50);
  ASSERT_FALSE(guarded.ok());
  EXPECT_EQ(guarded.code(), Code::kRefused);
  EXPECT_NE(guarded.error().message.find("3 of 5"), std::string::npos);
  EXPECT_NE(guarded.error().hint.find("--max-share=100"), std::string::npos);
}

// The first `rowless` of ten are of definitions alone.
std::vector<BackupFacts> TenOf(size_t rowless) {
  std::vector<BackupFacts> backups;
  for (const std::string& id : IdsOf(10)) {
    backups.push_back(Backup(id, kNow));
    backups.back().database = "app";
    backups.back().schema_only = backups.size() <= rowless;
  }
  return backups;
}

TEST(GuardShare, ManyBackupsOfDefinitionsDoNotMakeTheOthersASmallShare) {
  const std::vector<BackupFacts> backups = TenOf(6);
  EXPECT_TRUE(GuardShare(backups, 10, {"1006", "1007"}, 50).ok());
  Status guarded = GuardShare(backups, 10, {"1006", "1007", "1008"}, 50);
  ASSERT_FALSE(guarded.ok()) << "three of four, though three of ten";
  EXPECT_EQ(guarded.code(), Code::kRefused);
  EXPECT_NE(guarded.error().message.find("3 of 4 backups that hold rows"), std::string::npos)
      << guarded.error().message;
  EXPECT_TRUE(GuardShare(backups, 10, {"1006", "1007", "1008"}, 75).ok());
  EXPECT_TRUE(GuardShare(TenOf(10), 10, {"1000", "1001"}, 50).ok());
}

TEST(GuardShare, BackupsOfDefinitionsCountInTheShareOfAll) {
  EXPECT_TRUE(GuardShare(TenOf(6), 10, IdsOf(5), 50).ok());
  EXPECT_FALSE(GuardShare(TenOf(6), 10, IdsOf(6), 50).ok());
}

TEST(GuardShare, WhatCannotBeReadMayHoldRows) {
  std::vector<BackupFacts> backups = TenOf(6);
  backups.pop_back();
  EXPECT_FALSE(GuardShare(backups, 10, {"1006", "1008", "1009"}, 50).ok());
  EXPECT_TRUE(GuardShare(backups, 10, {"1006", "1009"}, 50).ok());
}

TEST(GuardLastGood, TheNewestGoodBackupStays) {
  std::vector<BackupFacts> backups{Backup("1", kNow), Backup("2", kNow), Backup("3", kNow)};
  backups[2].good = false;
  EXPECT_TRUE(GuardLastGood(backups, {"1", "3"}).ok());
  Status guarded = GuardLastGood(backups, {"1", "2"});
  ASSERT_FALSE(guarded.ok());
  EXPECT_EQ(guarded.code(), Code::kRefused);
  EXPECT_NE(guarded.error().message.find("2"), std::string::npos);
  backups[0].good = backups[1].good = false;
  EXPECT_TRUE(GuardLastGood(backups, {"1", "2"}).ok()) << "none is good: retention keeps all";
}

TEST(GuardLastGood, DefinitionsAloneStandInForNothing) {
  std::vector<BackupFacts> backups{Backup("1", kNow), Backup("2", kNow), Backup("3", kNow)};
  for (BackupFacts& backup : backups) backup.database = "app";
  backups[1].schema_only = backups[2].schema_only = true;
  EXPECT_FALSE(GuardLastGood(backups, {"1"}).ok());
  EXPECT_TRUE(GuardLastGood(backups, {"2", "3"}).ok());
}

TEST(GuardLastGood, PhysicalAndLogicalOnesDoNotStandInForEachOther) {
  std::vector<BackupFacts> backups;
  for (const char* id : {"1", "2", "3", "4"}) backups.push_back(Backup(id, kNow));
  backups[1].database = "app";
  backups[3].database = "other";
  EXPECT_TRUE(GuardLastGood(backups, {"1", "2"}).ok());
  for (const char* id : {"3", "4"}) {
    Status guarded = GuardLastGood(backups, {id});
    ASSERT_FALSE(guarded.ok());
    EXPECT_NE(guarded.error().message.find(id), std::string::npos);
    EXPECT_EQ(guarded.error().message.find("logical") != std::string::npos, id[0] == '4');
  }
  backups[2].good = false;
  EXPECT_FALSE(GuardLastGood(backups, {"1"}).ok()) << "the only good physical one";
}

}  // namespace
}  // namespace pgcairn::commands
