// Verification where backups share packs and leaves, and of what one of them stored itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "commands/testing/small_incremental.h"
#include "commands/testing/small_repository.h"
#include "commands/verify.h"
#include "repository/damaged/damaged_store.h"
#include "storage/counting/counting_storage.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::commands {
namespace {

using repository::Content;
using repository::StoredPack;
using testing::SmallIncremental;
using testing::SmallRepository;

constexpr char kThirdSharing[] = "20240103_020000-0003";
constexpr char kFourth[] = "20240104_020000-0004";

// The kinds of what lies under manifests' names are asked for now and then: 8 bytes each.
constexpr uint64_t kHeaders = 64;

class SharingTest : public ::testing::Test {
 protected:
  VerifyReport Verify(const VerifyOptions& options = {}) {
    Result<VerifyReport> report = VerifyStored(repository_.storage(), "main", {}, options);
    CHECK(report.ok());
    return std::move(report).value();
  }
  static VerifyOptions New(const std::string& backup = "latest") {
    VerifyOptions options;
    options.scope = VerifyOptions::Scope::kNew;
    options.backup = backup;
    return options;
  }
  static VerifyOptions One(const std::string& backup) {
    VerifyOptions options;
    options.scope = VerifyOptions::Scope::kBackup;
    options.backup = backup;
    return options;
  }

  const repository::ClusterNames& names() const { return repository_.cluster().names; }
  std::string NameOf(const StoredPack& pack) const { return names().Pack(pack.sha256); }
  void Damage(const std::string& object) {
    Bytes bytes = Content(*repository_.storage(), object);
    bytes[bytes.size() / 2] ^= 1;
    repository::Replace(*repository_.storage(), object, bytes);
  }

  static std::vector<std::string> HurtBy(const VerifyReport& report, const std::string& object) {
    for (const DamagedObject& damaged : report.damaged) {
      if (damaged.object == object) return damaged.backups;
    }
    return {"not named"};
  }
  static std::set<std::string> Good(const VerifyReport& report) {
    std::set<std::string> ids;
    for (const VerifiedBackup& backup : report.backups) {
      if (backup.good) ids.insert(backup.backup_id);
    }
    return ids;
  }

  SmallRepository repository_;
};

TEST_F(SharingTest, BackupsThatShareLeavesAndPacksAreGoodAndNoPackIsNobodys) {
  testing::CommitIncremental(repository_, kThirdSharing);
  SmallIncremental fourth = testing::CommitIncremental(repository_, kFourth, {.change_page = true});
  VerifyReport report = Verify();
  EXPECT_TRUE(report.good()) << report.damaged.front().problem;
  EXPECT_TRUE(report.warnings.empty()) << report.warnings.front();
  EXPECT_EQ(Good(report).size(), 4u);
  EXPECT_EQ(report.packs, 6u + 3 + 3);
  EXPECT_EQ(report.orphan_packs, 0u);
  // The second backup's leaf was proven with it; the rewritten one is another leaf.
  EXPECT_EQ(report.pages_checked, 2u * 13 + 2 + (13 + 2));
  // When the full ones are gone, their packs still belong to those that refer to them.
  for (const char* id : {SmallRepository::kFirst, SmallRepository::kSecond}) {
    ASSERT_TRUE(repository_.storage()->Delete(names().Manifest(id)).ok());
    ASSERT_TRUE(repository_.storage()->Delete(names().References(id)).ok());
  }
  report = Verify();
  EXPECT_TRUE(report.good()) << report.damaged.front().problem;
  EXPECT_EQ(report.packs, 2u + 3 + 3);
  EXPECT_EQ(report.orphan_packs, 3u + 1) << "the first backup's, and the second one's list";
  EXPECT_EQ(report.pages_checked, (13u + 2) + (13 + 2));
}

TEST_F(SharingTest, ASharedLeafIsProvenOnceWhateverNumberItsPackHas) {
  testing::CommitIncremental(repository_, kThirdSharing);
  testing::CommitIncremental(repository_, kFourth);
  EXPECT_EQ(Verify().pages_checked, 2u * 13 + 2 + 2);
}

TEST_F(SharingTest, ADamagedPackIsNamedWithAllBackupsThatReferToIt) {
  SmallIncremental third = testing::CommitIncremental(repository_, kThirdSharing);
  testing::CommitIncremental(repository_, kFourth, {.change_page = true});
  const std::vector<std::string> all{SmallRepository::kSecond, kThirdSharing, kFourth};
  for (const StoredPack& pack : third.shared) {
    const Bytes own = Content(*repository_.storage(), NameOf(pack));
    Damage(NameOf(pack));
    EXPECT_EQ(HurtBy(Verify(), NameOf(pack)), all);
    EXPECT_EQ(Good(Verify()), std::set<std::string>{SmallRepository::kFirst});
    // Whichever is looked at.
    for (const std::string& id : all) {
      VerifyReport report = Verify(One(id));
      EXPECT_EQ(HurtBy(report, NameOf(pack)), all) << id;
      for (const RecoveryWindow& window : report.windows.windows) {
        EXPECT_EQ(window.backups, std::vector<std::string>{SmallRepository::kFirst});
      }
    }
    ASSERT_TRUE(repository_.storage()->Delete(NameOf(pack)).ok());
    for (const std::string& id : {std::string(kThirdSharing), std::string(kFourth)}) {
      EXPECT_EQ(HurtBy(Verify(New(id)), NameOf(pack)), all) << id;
    }
    ASSERT_TRUE(repository_.storage()->PutIfAbsent(NameOf(pack), own).ok());
  }
  Damage(NameOf(third.data));
  EXPECT_EQ(HurtBy(Verify(), NameOf(third.data)), std::vector<std::string>{kThirdSharing});
}

TEST_F(SharingTest, ABackupWhoseListIsDamagedIsHurtByABadPackOfAnother) {
  SmallIncremental third = testing::CommitIncremental(repository_, kThirdSharing);
  Damage(names().References(kThirdSharing));
  Damage(NameOf(third.shared[0]));
  EXPECT_EQ(HurtBy(Verify(), NameOf(third.shared[0])),
            (std::vector<std::string>{SmallRepository::kSecond, kThirdSharing}));
}

TEST_F(SharingTest, APackOfASharedLeafThatIsNotListedIsFound) {
  // Pruning goes by the lists: it would delete the shared packs with the second backup.
  testing::CommitIncremental(repository_, kThirdSharing, {.list_shared = false});
  VerifyReport report = Verify();
  EXPECT_EQ(HurtBy(report, names().References(kThirdSharing)),
            std::vector<std::string>{kThirdSharing});
  EXPECT_NE(HurtBy(Verify(New()), names().References(kThirdSharing)),
            std::vector<std::string>{"not named"});
}

TEST_F(SharingTest, APatchIsProvenTogetherWithItsBase) {
  SmallIncremental third =
      testing::CommitIncremental(repository_, kThirdSharing, {.as_patch = true});
  VerifyReport report = Verify();
  EXPECT_TRUE(report.good()) << report.damaged.front().problem;
  EXPECT_EQ(report.pages_checked, 2u * 13 + (13 + 2));
  // To read the base is all that is needed of what is old.
  auto faulty = std::make_shared<storage::FaultyStorage>(repository_.storage());
  for (const StoredPack& pack : third.shared) {
    if (pack.sha256 == third.shared_leaves.sha256) continue;
    faulty->Add({.request = storage::Request::kGetRange,
                 .name_contains = pack.sha256.ToHex(),
                 .times = UINT64_MAX});
  }
  Result<VerifyReport> fresh = VerifyStored(faulty, "main", {}, New());
  ASSERT_TRUE(fresh.ok());
  EXPECT_TRUE(fresh->good()) << fresh->damaged.front().problem;
  EXPECT_EQ(fresh->pages_checked, 3u);
  EXPECT_EQ(fresh->packs, 3u);
}

TEST_F(SharingTest, WhereTheBaseOfAPatchIsDamagedItsPackIsToBlame) {
  SmallIncremental third =
      testing::CommitIncremental(repository_, kThirdSharing, {.as_patch = true});
  const std::string base = NameOf(third.shared_leaves);
  const Bytes own = Content(*repository_.storage(), base);
  for (bool missing : {false, true}) {
    if (missing) {
      ASSERT_TRUE(repository_.storage()->Delete(base).ok());
    } else {
      Damage(base);
    }
    for (const VerifyOptions& options : {New(), One(kThirdSharing), VerifyOptions()}) {
      VerifyReport report = Verify(options);
      ASSERT_EQ(report.damaged.size(), 1u);
      EXPECT_EQ(report.damaged[0].object, base);
      EXPECT_TRUE(report.damaged[0].recorded);
      EXPECT_EQ(HurtBy(report, base).back(), kThirdSharing);
      EXPECT_FALSE(Good(report).contains(kThirdSharing));
    }
    EXPECT_EQ(*repository::ListDamagedPacks(*repository_.storage(), names()),
              std::vector{third.shared_leaves.sha256});
    if (!missing) repository::Replace(*repository_.storage(), base, own);
  }
}

TEST_F(SharingTest, WhatALeafNeedsMustBeStatedInItsList) {
  using Edit = std::function<void(repository::StreamList&)>;
  const std::vector<Edit> edits{
      [](auto& list) { list.needs.back().uses.clear(); },  // of a leaf of its own
      [](auto& list) { list.needs[0].uses.erase(list.needs[0].uses.begin()); },
      [](auto& list) { list.needs[0].base_pack = repository::kNoPack; },
  };
  for (size_t i = 0; i < edits.size(); ++i) {
    for (bool as_patch : {false, true}) {
      if (i == 2 && !as_patch) continue;
      SmallRepository place;
      SmallIncremental third = testing::CommitIncremental(
          place, kThirdSharing, {.as_patch = as_patch, .edit_list = edits[i]});
      Result<VerifyReport> report = VerifyStored(place.storage(), "main", {}, {});
      ASSERT_TRUE(report.ok());
      EXPECT_EQ(HurtBy(*report, place.cluster().names.Pack(third.list.sha256)),
                std::vector<std::string>{kThirdSharing})
          << i << as_patch;
    }
  }
}

TEST_F(SharingTest, WhatIsSealedWrongInASharedPackHurtsOnlyWhoRefersToThoseUnits) {
  SmallIncremental third =
      testing::CommitIncremental(repository_, kThirdSharing,
                                 {.edit_leaf = [](auto& leaf) { leaf.units[1].fingerprint ^= 1; }});
  VerifyReport report = Verify();
  EXPECT_EQ(HurtBy(report, NameOf(third.data)), std::vector<std::string>{kThirdSharing});
  EXPECT_EQ(report.damaged.size(), 1u);
}

// What one run stored

TEST_F(SharingTest, OfAFullBackupAllIsNewAndReadOnce) {
  auto counting = std::make_shared<storage::CountingStorage>(repository_.storage());
  Result<VerifyReport> report = VerifyStored(counting, "main", {}, New());
  ASSERT_TRUE(report.ok() && report->good());
  EXPECT_TRUE(report->only_new);
  ASSERT_EQ(report->backups.size(), 1u);
  EXPECT_EQ(report->backups[0].backup_id, SmallRepository::kSecond);
  EXPECT_EQ(report->packs, 3u);
  EXPECT_EQ(report->packs_present, 0u);
  EXPECT_EQ(report->pages_checked, 13u);
  EXPECT_EQ(report->wal_files, 0u);
  EXPECT_LE(counting->Count(storage::Request::kGetRange).bytes, report->pack_bytes + kHeaders);
}

TEST_F(SharingTest, OfAnIncrementalOnlyWhatIsNewIsRead) {
  for (bool change_page : {false, true}) {
    SmallRepository place;
    SmallIncremental third =
        testing::CommitIncremental(place, kThirdSharing, {.change_page = change_page});
    auto counting = std::make_shared<storage::CountingStorage>(place.storage());
    auto faulty = std::make_shared<storage::FaultyStorage>(counting);
    for (const StoredPack& pack : third.shared) {
      faulty->Add({.request = storage::Request::kGetRange,
                   .name_contains = pack.sha256.ToHex(),
                   .times = UINT64_MAX});
    }
    Result<VerifyReport> report = VerifyStored(faulty, "main", {}, New());
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->good()) << report->damaged.front().problem;
    EXPECT_EQ(report->packs, 3u);
    EXPECT_EQ(report->pack_bytes, third.data.length + third.leaves.length + third.list.length);
    EXPECT_EQ(report->packs_present, third.shared.size());
    EXPECT_EQ(report->pages_checked, change_page ? 3u : 2u);
    const uint64_t read = counting->Count(storage::Request::kGetRange).bytes;
    EXPECT_GE(read, report->pack_bytes);
    EXPECT_LE(read, report->pack_bytes + kHeaders);
  }
}

TEST_F(SharingTest, EachNewPackThatIsDamagedIsFoundAndRecorded) {
  SmallIncremental third =
      testing::CommitIncremental(repository_, kThirdSharing, {.change_page = true});
  for (const StoredPack& pack : {third.data, third.leaves, third.list}) {
    const Bytes own = Content(*repository_.storage(), NameOf(pack));
    for (bool missing : {false, true}) {
      if (missing) {
        ASSERT_TRUE(repository_.storage()->Delete(NameOf(pack)).ok());
      } else {
        Damage(NameOf(pack));
      }
      VerifyReport report = Verify(New());
      EXPECT_EQ(HurtBy(report, NameOf(pack)), std::vector<std::string>{kThirdSharing});
      EXPECT_EQ(report.damaged.size(), 1u);
      EXPECT_TRUE(Good(report).empty());
      EXPECT_TRUE(report.damaged[0].recorded);
      EXPECT_EQ(*repository::ListDamagedPacks(*repository_.storage(), names()),
                std::vector{pack.sha256});
      ASSERT_TRUE(repository_.storage()->Delete(NameOf(pack)).ok());
      ASSERT_TRUE(repository_.storage()->PutIfAbsent(NameOf(pack), own).ok());
      EXPECT_EQ(Verify(New()).healed, std::vector{NameOf(pack)});
    }
  }
}

TEST_F(SharingTest, OfOldPacksExistenceAndLengthCount) {
  SmallIncremental third = testing::CommitIncremental(repository_, kThirdSharing);
  const std::string old = NameOf(third.shared[0]);
  Damage(old);
  EXPECT_TRUE(Verify(New()).good()) << "that is for a deep verification to find";
  Bytes longer = Content(*repository_.storage(), old);
  longer.push_back(0);
  repository::Replace(*repository_.storage(), old, longer);
  VerifyReport report = Verify(New());
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_EQ(report.damaged[0].object, old);
  EXPECT_TRUE(report.damaged[0].recorded);
}

TEST_F(SharingTest, UnitsThatWereSealedWrongAreFoundAndTheirPackRecorded) {
  // The hash of such a pack is right: it is what was written that is wrong.
  SmallIncremental third =
      testing::CommitIncremental(repository_, kThirdSharing,
                                 {.edit_leaf = [](auto& leaf) { leaf.units[1].fingerprint ^= 1; }});
  VerifyReport report = Verify(New());
  EXPECT_EQ(HurtBy(report, NameOf(third.data)), std::vector<std::string>{kThirdSharing});
  EXPECT_EQ(
      repository::ReadDamagedPack(*repository_.storage(), names(), third.data.sha256)->proof(),
      format::DamagedPack::CONTENT);
}

TEST_F(SharingTest, WithoutTheListOfItsBaseAllOfABackupIsRead) {
  SmallIncremental third = testing::CommitIncremental(repository_, kThirdSharing);
  ASSERT_TRUE(repository_.storage()->Delete(names().Manifest(SmallRepository::kSecond)).ok());
  VerifyReport report = Verify(New());
  EXPECT_TRUE(report.good());
  EXPECT_EQ(report.packs, third.packs.size());
  EXPECT_EQ(report.packs_present, 0u);
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_NE(report.warnings[0].find("all packs of the backup"), std::string::npos);
}

TEST_F(SharingTest, ABackupWhoseManifestIsDamagedIsReadByItsList) {
  SmallIncremental third = testing::CommitIncremental(repository_, kThirdSharing);
  Damage(names().Manifest(kThirdSharing));
  Damage(NameOf(third.data));
  VerifyReport report = Verify(New());
  EXPECT_EQ(HurtBy(report, names().Manifest(kThirdSharing)),
            std::vector<std::string>{kThirdSharing});
  EXPECT_EQ(HurtBy(report, NameOf(third.data)), std::vector<std::string>{kThirdSharing});
}

// Beside a prune

class DeletedTest : public SharingTest {
 protected:
  // The third backup is deleted when the first pack is read, as a prune does it.
  Result<VerifyReport> VerifyWhileDeleting(const VerifyOptions& options) {
    SmallIncremental third = testing::CommitIncremental(repository_, kThirdSharing);
    auto faulty = std::make_shared<storage::FaultyStorage>(repository_.storage());
    faulty->Add({.request = storage::Request::kGetRange,
                 .effect = storage::FaultEffect::kRunHook,
                 .hook = [this, third] {
                   for (const std::string& object :
                        {names().Manifest(kThirdSharing), names().References(kThirdSharing),
                         NameOf(third.data), NameOf(third.leaves), NameOf(third.list),
                         repository_.WalObject(1, 3)}) {
                     ASSERT_TRUE(repository_.storage()->Delete(object).ok());
                   }
                 }});
    return VerifyStored(faulty, "main", {}, options);
  }
};

TEST_F(DeletedTest, WhatAPruneDeletesMeanwhileIsNoLoss) {
  ASSERT_TRUE(repository_.storage()->Delete(names().Manifest(SmallRepository::kFirst)).ok());
  ASSERT_TRUE(repository_.storage()->Delete(names().References(SmallRepository::kFirst)).ok());
  Result<VerifyReport> report = VerifyWhileDeleting({});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->good()) << report->damaged.front().problem;
  EXPECT_EQ(Good(*report), std::set<std::string>{SmallRepository::kSecond});
  EXPECT_EQ(report->backups.size(), 1u);
  EXPECT_TRUE(repository::ListDamagedPacks(*repository_.storage(), names())->empty());
}

TEST_F(DeletedTest, WhoVerifiesThatBackupIsTold) {
  Result<VerifyReport> report = VerifyWhileDeleting(New());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.code(), Code::kNotFound);
  EXPECT_NE(report.error().message.find("deleted"), std::string::npos) << report.error().message;
  EXPECT_TRUE(repository::ListDamagedPacks(*repository_.storage(), names())->empty());
}

TEST_F(SharingTest, WhatIsNewIsNotKnownWithoutAKey) {
  VerifyOptions options = New();
  options.without_key = true;
  EXPECT_EQ(VerifyStored(repository_.storage(), "main", {}, options).code(), Code::kUsage);
}

}  // namespace
}  // namespace pgcairn::commands
