// Retention where there are backups of single databases, too.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "commands/retention.h"
#include "commands/retention_facts.h"
#include "commands/testing/retained_cluster.h"

namespace pgcairn::commands {
namespace {

using testing::RetainedCluster;

class RetentionOfBothTest : public ::testing::Test {
 protected:
  static std::set<std::string> StayingOf(const RetentionPlan& plan) {
    std::set<std::string> ids;
    for (const BackupVerdict& verdict : plan.backups) {
      if (verdict.keep) ids.insert(verdict.id);
    }
    return ids;
  }
  std::set<std::string> Staying() const { return StayingOf(cluster_.Plan()); }
  static std::string Line(const BackupVerdict& verdict) { return verdict.reasons.front(); }

  // Verdicts on WAL, in words.
  static std::vector<std::string> WalOf(const RetentionPlan& plan) {
    std::vector<std::string> lines;
    for (const WalVerdict& verdict : plan.wal) {
      lines.push_back(fmt::format("{} {} {} {} {}", verdict.range.timeline.value,
                                  verdict.range.first, verdict.range.last, verdict.keep,
                                  fmt::join(verdict.reasons, ";")));
    }
    return lines;
  }

  RetainedCluster cluster_;
};

TEST_F(RetentionOfBothTest, TheNewestGoodOneOfEachKindAndDatabaseStays) {
  for (double day : {0, 1}) cluster_.Add(day);
  cluster_.AddLogical(0.5, "other");
  cluster_.AddLogical(2, "app");
  cluster_.AddLogical(3, "app");
  cluster_.AddLogical(4, "app").good = false;
  const RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(StayingOf(plan), (std::set<std::string>{"day 0001.0000", "day 0000.5000 other",
                                                    "day 0003.0000 app", "day 0004.0000 app"}))
      << "the bad one is newer than what ages count from";
  EXPECT_EQ(plan.reference_id, "day 0001.0000");
  for (const BackupVerdict& verdict : plan.backups) {
    if (verdict.id != "day 0002.0000 app") continue;
    EXPECT_EQ(Line(verdict),
              "no rule keeps it: 24 hours older than day 0003.0000 app, the newest good backup of "
              "the database app");
  }
}

TEST_F(RetentionOfBothTest, AgesCountBackFromABackupOfTheSameKindAndDatabase) {
  cluster_.settings.retention.full_backups = 7;
  for (double day : {0, 14, 20}) cluster_.Add(day);
  for (double day : {21, 35, 40}) cluster_.AddLogical(day, "app");
  cluster_.AddLogical(22, "other");
  EXPECT_EQ(Staying(), (std::set<std::string>{"day 0014.0000", "day 0020.0000", "day 0035.0000 app",
                                              "day 0040.0000 app", "day 0022.0000 other"}));
}

TEST_F(RetentionOfBothTest, DefinitionsAloneMakeNoneWithRowsGo) {
  cluster_.AddLogical(0, "app");
  for (double day : {10, 11}) {
    BackupFacts& definitions = cluster_.AddLogical(day, "app");
    definitions.schema_only = true;
    definitions.verified = true;
  }
  const RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(StayingOf(plan), (std::set<std::string>{"day 0000.0000 app", "day 0011.0000 app"}));
  for (const BackupVerdict& verdict : plan.backups) {
    if (verdict.id != "day 0010.0000 app") continue;
    EXPECT_EQ(Line(verdict),
              "no rule keeps it: 24 hours older than day 0011.0000 app, the newest verified backup "
              "of the definitions of the database app");
  }
}

TEST_F(RetentionOfBothTest, AVerifiedLogicalOneMakesNoPhysicalOneOlder) {
  cluster_.Add(0).verified = true;
  cluster_.Add(10);
  cluster_.AddLogical(20, "app").verified = true;
  EXPECT_EQ(Staying(),
            (std::set<std::string>{"day 0000.0000", "day 0010.0000", "day 0020.0000 app"}))
      << "the newer physical one may be damaged";
}

TEST_F(RetentionOfBothTest, EachKindAndDatabaseHasItsOwnBackupOfADay) {
  cluster_.settings.policies.daily_backups.keep_daily = 2;
  for (double day : {0, 1, 2}) {
    cluster_.Add(day);
    cluster_.AddLogical(day + 0.2, "app");
    cluster_.AddLogical(day + 0.1, "other").incremental = true;
  }
  EXPECT_EQ(Staying(), (std::set<std::string>{"day 0001.0000", "day 0002.0000", "day 0001.2000 app",
                                              "day 0002.2000 app", "day 0001.1000 other",
                                              "day 0002.1000 other"}));
}

TEST_F(RetentionOfBothTest, WalIsKeptAsIfThereWereNoLogicalOnes) {
  cluster_.settings.retention.wal_files = 3;
  cluster_.Write(0, 20);
  for (double day : {0, 5, 10, 16, 20}) cluster_.Add(day);
  const RetentionPlan before = cluster_.Plan();
  for (double day : {1, 7, 18, 19}) cluster_.AddLogical(day, "app").pinned = true;
  cluster_.AddLogical(30, "app").verified = true;
  const RetentionPlan after = cluster_.Plan();
  EXPECT_EQ(WalOf(after), WalOf(before));
  EXPECT_EQ(after.window_from, before.window_from);
  for (const std::string& id : StayingOf(before)) EXPECT_TRUE(StayingOf(after).contains(id)) << id;
  EXPECT_EQ(StayingOf(after).size(), StayingOf(before).size() + 5);
}

TEST_F(RetentionOfBothTest, WithoutAGoodPhysicalOneAllOfThemStayWithAllWal) {
  cluster_.Write(0, 20);
  for (double day : {0, 1}) cluster_.Add(day).good = false;
  for (double day : {2, 3}) cluster_.AddLogical(day, "app");
  RetentionPlan plan = cluster_.Plan();
  EXPECT_EQ(StayingOf(plan),
            (std::set<std::string>{"day 0000.0000", "day 0001.0000", "day 0003.0000 app"}));
  EXPECT_EQ(plan.reference_id, std::nullopt);
  ASSERT_EQ(plan.wal.size(), 1u);
  EXPECT_TRUE(plan.wal[0].keep);
  cluster_.backups.erase(cluster_.backups.begin(), cluster_.backups.begin() + 2);
  plan = cluster_.Plan();
  EXPECT_EQ(StayingOf(plan), std::set<std::string>{"day 0003.0000 app"});
  ASSERT_EQ(plan.wal.size(), 1u);
  EXPECT_TRUE(plan.wal[0].keep) << "nothing says that no physical backup comes";
}

TEST_F(RetentionOfBothTest, WithoutAGoodLogicalOneAllOfThatDatabaseStay) {
  for (double day : {0, 1}) cluster_.Add(day);
  for (double day : {2, 3}) cluster_.AddLogical(day, "app").good = false;
  EXPECT_EQ(Staying(),
            (std::set<std::string>{"day 0001.0000", "day 0002.0000 app", "day 0003.0000 app"}));
}

TEST_F(RetentionOfBothTest, AfterAnUpgradeADatabasesOldBackupsGoWhenItHasNewOnes) {
  cluster_.AddLogical(0, "app", 1);
  cluster_.AddLogical(0, "other", 1);
  cluster_.AddLogical(1, "app", 2);
  EXPECT_EQ(Staying(), (std::set<std::string>{"day 0000.0000 other", "day 0001.0000 app"}));
}

TEST(FactsOfLogical, NameTheDatabase) {
  format::Manifest manifest;
  manifest.set_method(format::Manifest::LOGICAL);
  manifest.add_databases()->set_name("app");
  EXPECT_EQ(FactsOf(manifest, {}).database, "app");
  manifest.set_method(format::Manifest::PHYSICAL);
  EXPECT_EQ(FactsOf(manifest, {}).database, std::nullopt);
}

}  // namespace
}  // namespace pgcairn::commands
