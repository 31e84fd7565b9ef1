// Physical and logical backups in one repository: what recovers, compares and prunes takes each for
// what it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "commands/backup_base.h"
#include "commands/logical_source.h"
#include "commands/physical_contents.h"
#include "commands/prune.h"
#include "commands/recovery_plan.h"
#include "commands/recovery_window.h"
#include "commands/testing/small_logical.h"
#include "commands/testing/small_repository.h"
#include "commands/verify.h"
#include "commands/wal_sparing.h"
#include "repository/manifest/manifest_store.h"

namespace pgcairn::commands {
namespace {

using testing::CommitLogical;
using testing::LogicalOptions;
using testing::SmallLogicalBackup;
using testing::SmallRepository;

constexpr char kLogicalId[] = "20240103_020000-0003";
constexpr char kNextId[] = "20240104_020000-0004";

class BothMethodsTest : public ::testing::Test {
 protected:
  SmallLogicalBackup Commit(const std::string& id, const std::string& version,
                            LogicalOptions options = {}) {
    options.system_identifier = repository_.system();
    options.stop_time_us = repository_.second().stop_time_us() + static_cast<int64_t>(id[7]);
    return CommitLogical(repository_.cluster(), id, testing::SmallDatabase(version), options);
  }
  Result<RecoveryPlan> Plan(const std::string& source, const RecoveryTarget& target = {}) {
    return PlanRecovery(repository_.cluster(), target, source);
  }
  std::string BaseFor(const BaseWanted& wanted) {
    repository::LeaseTerms lease;
    lease.run_id = "20240110_010000-0000";
    Result<BackupBase> base = ClaimBase(repository_.cluster(), wanted, lease);
    CHECK(base.ok() && repository::RemoveLease(repository_.cluster(), lease.run_id).ok());
    return base->manifest ? base->manifest->backup_id() : "none";
  }
  Result<PruneReport> Prune(const std::vector<std::string>& backups = {}) {
    config::Settings settings;
    settings.retention = {0, 0, 0};
    settings.policies = {{0, 0, 0, 0}, {0, 0}, {0, 0}};
    PruneOptions options;
    options.max_share = 100;
    options.backups = backups;
    return PruneCluster(settings, repository_.cluster(), options);
  }
  bool IsThere(const repository::StoredPack& pack) {
    return repository_.storage()->Stat(repository_.cluster().names.Pack(pack.sha256)).ok();
  }

  SmallRepository repository_;
};

TEST_F(BothMethodsTest, NoRecoveryBeginsWithALogicalOne) {
  Commit(kLogicalId, "first");
  Result<RecoveryPlan> plan = Plan("latest");
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->manifest.backup_id(), SmallRepository::kSecond);
  RecoveryTarget immediate;
  immediate.kind = TargetKind::kImmediate;
  plan = Plan("latest", immediate);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->manifest.backup_id(), SmallRepository::kSecond);
  EXPECT_TRUE(Plan(SmallRepository::kFirst).ok());
}

TEST_F(BothMethodsTest, ALogicalOneThatIsNamedIsRefusedWithWhatToDo) {
  Commit(kLogicalId, "first");
  Result<RecoveryPlan> plan = Plan(kLogicalId);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.code(), Code::kUsage);
  EXPECT_NE(plan.error().hint.find("--target-url"), std::string::npos) << plan.error().hint;
}

// A backup of definitions alone hides neither a physical one before it nor a logical one with rows.
TEST_F(BothMethodsTest, RowsComeFromTheNewestThatHoldsThemAndDefinitionsFromAny) {
  auto is_physical = [this](LogicalScope scope) {
    LogicalRestoreOptions options;
    options.scope = scope;
    Result<bool> physical = IsFromPhysical(repository_.cluster(), options);
    CHECK(physical.ok());
    return *physical;
  };
  auto newest = [this](LogicalNeed need) {
    Result<format::Manifest> chosen = ChooseLogicalBackup(repository_.cluster(), "latest", need);
    CHECK(chosen.ok());
    return chosen->backup_id();
  };
  LogicalOptions definitions;
  definitions.edit_manifest = [](format::Manifest& manifest) {
    manifest.set_type(format::Manifest::SCHEMA);
  };
  Commit(kLogicalId, "first", definitions);
  EXPECT_TRUE(is_physical(LogicalScope::kTables));
  EXPECT_FALSE(is_physical(LogicalScope::kSchema));
  EXPECT_EQ(Plan("latest")->manifest.backup_id(), SmallRepository::kSecond);
  Commit(kNextId, "first");
  Commit("20240105_020000-0005", "first", definitions);
  EXPECT_FALSE(is_physical(LogicalScope::kTables));
  EXPECT_FALSE(is_physical(LogicalScope::kSchema));
  EXPECT_EQ(newest(LogicalNeed::kRows), kNextId);
  EXPECT_EQ(newest(LogicalNeed::kDefinitions), "20240105_020000-0005");
}

TEST_F(BothMethodsTest, WithLogicalOnesAloneThereIsNoneToRecoverFrom) {
  Commit(kLogicalId, "first");
  for (const char* id : {SmallRepository::kFirst, SmallRepository::kSecond}) {
    ASSERT_TRUE(repository_.storage()->Delete(repository_.cluster().names.Manifest(id)).ok());
  }
  Result<RecoveryPlan> plan = Plan("latest");
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.code(), Code::kNotFound);
  EXPECT_NE(plan.error().hint.find("--target-url"), std::string::npos) << plan.error().hint;
}

// The timeline of a logical one is none: no history leads from it to those of the archive.
TEST_F(BothMethodsTest, ALogicalOneOpensNoWindowAndMissesNoHistory) {
  const SmallLogicalBackup logical = Commit(kLogicalId, "first");
  const std::string history =
      repository_.cluster().names.WalFile(repository_.system(), "00000002.history");
  ASSERT_TRUE(repository_.storage()->Delete(history).ok());
  format::Manifest physical = repository_.second();
  physical.set_timeline(2);
  physical.set_start_lsn(7 * SmallRepository::kSegmentBytes + 0x28);
  physical.set_stop_lsn(7 * SmallRepository::kSegmentBytes + 0x100);
  for (size_t count : {0, 1}) {
    std::vector<format::Manifest> manifests(count, physical);
    manifests.push_back(logical.manifest);
    Result<ClusterWindows> windows = FindRecoveryWindows(repository_.cluster(), manifests);
    ASSERT_TRUE(windows.ok()) << windows.error().message;
    EXPECT_EQ(windows->windows.size(), count);
    EXPECT_TRUE(windows->gaps.empty());
    EXPECT_TRUE(windows->lost_histories.empty());
  }
}

TEST_F(BothMethodsTest, ABaseIsOfTheSameMethodAndDatabase) {
  Commit(kLogicalId, "first");
  LogicalOptions other;
  other.database = "other";
  Commit(kNextId, "first", other);
  const uint64_t system = repository_.system();
  EXPECT_EQ(BaseFor({system, format::Manifest::PHYSICAL}), SmallRepository::kSecond);
  EXPECT_EQ(BaseFor({system, format::Manifest::LOGICAL, "app"}), kLogicalId);
  EXPECT_EQ(BaseFor({system, format::Manifest::LOGICAL, "other"}), kNextId);
  EXPECT_EQ(BaseFor({system, format::Manifest::LOGICAL, "third"}), "none");
  EXPECT_EQ(BaseFor({system + 1, format::Manifest::LOGICAL, "app"}), "none");
}

TEST_F(BothMethodsTest, TheMapOfALogicalBaseKnowsItsLeavesAndHowMuchOfItsPacksTheyNeed) {
  const SmallLogicalBackup backup = Commit(kLogicalId, "first");
  repository::LeaseTerms lease;
  lease.run_id = "20240110_010000-0000";
  Result<BackupBase> base = ClaimBase(
      repository_.cluster(), {repository_.system(), format::Manifest::LOGICAL, "app"}, lease);
  ASSERT_TRUE(base.ok());
  const PreviousMap::Stream* rows =
      base->map.Find(repository::StreamRoot::kDatabase, "rows/16384/0");
  ASSERT_NE(rows, nullptr);
  EXPECT_TRUE(rows->whole);
  EXPECT_EQ(rows->extents.size(), rows->entry.leaf_count);
  const std::vector<repository::PackUse> uses = base->map.PackUses();
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].sha256, backup.data.sha256);
  EXPECT_GT(uses[0].live_bytes, uses[0].stored_bytes * 9 / 10);
  EXPECT_LE(uses[0].live_bytes, uses[0].stored_bytes);
}

TEST_F(BothMethodsTest, PruningTakesTheOldLogicalOneWithItsOwnPacksAlone) {
  const SmallLogicalBackup first = Commit(kLogicalId, "first");
  LogicalOptions options;
  options.base = &first;
  const SmallLogicalBackup next = Commit(kNextId, "second", options);
  Result<PruneReport> report = Prune();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(*repository::ListBackupIds(repository_.cluster()),
            (std::vector<std::string>{SmallRepository::kSecond, kNextId}));
  EXPECT_FALSE(IsThere(first.list));
  for (const repository::StoredPack& pack : next.packs) EXPECT_TRUE(IsThere(pack));
  EXPECT_TRUE(std::ranges::any_of(next.packs, [&](const repository::StoredPack& pack) {
    return pack.sha256 == first.data.sha256;
  })) << "shared, and so not the old one's alone";
  // As without it: the second physical one needs segment 5.
  EXPECT_FALSE(repository_.storage()->Stat(repository_.WalObject(1, 4)).ok());
  EXPECT_TRUE(repository_.storage()->Stat(repository_.WalObject(1, 5)).ok());
  Result<VerifyReport> verified = VerifyStored(repository_.storage(), "main", {}, {});
  ASSERT_TRUE(verified.ok());
  EXPECT_TRUE(verified->good()) << verified->damaged.front().problem;
  EXPECT_TRUE(verified->warnings.empty()) << verified->warnings.front();
  EXPECT_EQ(verified->orphan_packs, 0u);
}

TEST_F(BothMethodsTest, TheLastGoodOneOfEitherMethodCannotBeNamed) {
  Commit(kLogicalId, "first");
  EXPECT_EQ(Prune({SmallRepository::kSecond}).code(), Code::kRefused);
  EXPECT_EQ(Prune({kLogicalId}).code(), Code::kRefused);
  EXPECT_TRUE(Prune({SmallRepository::kFirst}).ok());
}

TEST_F(BothMethodsTest, ALogicalOneSparesNoWal) {
  const SmallLogicalBackup backup = Commit(kLogicalId, "first");
  const ArchivedFile file{"object", repository_.system(), "000000010000000000000003", 1};
  WalSparing sparing(
      std::map<uint64_t, uint64_t>{{repository_.system(), SmallRepository::kSegmentBytes}});
  sparing.SpareNeedsOf(backup.manifest);
  sparing.SpareFromStartOf(backup.manifest);
  EXPECT_FALSE(sparing.Spares(file));
  sparing.SpareFromStartOf(
      repository::ReadManifest(repository_.cluster(), SmallRepository::kFirst)->manifest);
  EXPECT_TRUE(sparing.Spares(file));
}

}  // namespace
}  // namespace pgcairn::commands
