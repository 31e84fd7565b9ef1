#include "commands/resumed_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "commands/testing/directory_backups.h"
#include "repository/checkpoint/checkpoint_store.h"
#include "repository/prune/trash.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;
using repository::RandomContent;
using testing::DirectoryBackup;
using testing::DirectoryBackupOptions;
using testing::DirectoryBackups;
using testing::FileHashes;

constexpr char kEndedRun[] = "20240301_020000-00ee";
constexpr char kNewRun[] = "20240302_020000-00ff";
constexpr char kEarlierFile[] = "base/5/16384";
constexpr char kLaterFile[] = "base/5/16385";
// Too large to share a leaf with another file.
constexpr uint64_t kFileUnits = 256;

// A run has stored two files, each in a pack of its own, and ended.
class ResumedRunTest : public ::testing::Test {
 protected:
  ResumedRunTest() {
    backups_.Write(kEarlierFile, RandomContent(kFileUnits * kUnitBytes, 1));
    first_ = *backups_.Backup();
    backups_.Write(kLaterFile, RandomContent(kFileUnits * kUnitBytes, 2));
    std::shared_ptr<DirectoryBackup> second = *backups_.Backup();
    checkpoint_ = backups_.AsCheckpoint(*second);
    checkpoint_.set_backup_id(kEndedRun);
    checkpoint_.set_system_identifier(DirectoryBackups::kSystem);
    CHECK(backups_.storage().Delete(names().Manifest(second->id)).ok());
    PutCheckpoint(0, checkpoint_);
  }

  void PutCheckpoint(uint32_t number, const format::Checkpoint& checkpoint) {
    CHECK(repository::PutCheckpoint(backups_.cluster(), number, checkpoint).ok());
  }
  void DeleteFirstManifest() {
    CHECK(backups_.storage().Delete(names().Manifest(first_->id)).ok());
  }

  Result<std::optional<ResumedRun>> Resume(const std::vector<crypto::Sha256Digest>& trashed = {}) {
    base_ = *backups_.Base();
    repository::StoredTrash trash;
    trash.list.packs = trashed;
    const repository::TrashedObjects objects({trash});
    return ResumeEarlierRun({backups_.cluster(), run_id_, objects, DirectoryBackups::kSystem},
                            base_);
  }

  // What the run that goes on commits is whole, and has stored so many units itself.
  void ExpectBackupStores(uint64_t units) {
    DirectoryBackupOptions options;
    options.rules.reason = CompareReason::kAsked;
    options.change_map = [&](PreviousMap& map) { map = std::move(base_.map); };
    Result<std::shared_ptr<DirectoryBackup>> made = backups_.Backup(options);
    ASSERT_TRUE(made.ok()) << made.error().message;
    EXPECT_EQ((**made).copied.units.stored, units);
    for (const crypto::Sha256Digest& pack : backups_.References(**made)) {
      EXPECT_TRUE(backups_.storage().Stat(names().Pack(pack)).ok()) << pack.ToHex();
    }
    Result<FileHashes> restored = backups_.Restore(**made);
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    EXPECT_EQ(*restored, (**made).files);
  }

  const format::CheckpointLeaf& LeafOf(const std::string& path) const {
    auto leaf = std::ranges::find_if(checkpoint_.leaves(), [&](const format::CheckpointLeaf& one) {
      return one.parts(0).path() == path;
    });
    CHECK(leaf != checkpoint_.leaves().end());
    return *leaf;
  }
  static crypto::Sha256Digest Digest(const std::string& bytes) {
    crypto::Sha256Digest digest;
    std::ranges::copy(AsBytes(bytes), digest.bytes.begin());
    return digest;
  }
  crypto::Sha256Digest DataPackOf(const std::string& path) const {
    return Digest(LeafOf(path).needs(0).sha256());
  }
  crypto::Sha256Digest LeafPackOf(const std::string& path) const {
    return Digest(LeafOf(path).leaf().pack().sha256());
  }

  // Packs that are named by the checkpoints under the new run's id.
  std::set<crypto::Sha256Digest> Named() const {
    std::set<crypto::Sha256Digest> named;
    const Result<repository::RunCheckpoints> taken =
        repository::ReadCheckpoints(backups_.cluster(), kNewRun);
    CHECK(taken.ok());
    for (const format::Checkpoint& checkpoint : taken->readable) {
      for (const format::PackNeed& pack : checkpoint.new_packs())
        named.insert(Digest(pack.sha256()));
      for (const format::CheckpointLeaf& leaf : checkpoint.leaves()) {
        named.insert(Digest(leaf.leaf().pack().sha256()));
        for (const format::PackNeed& need : leaf.needs()) named.insert(Digest(need.sha256()));
      }
    }
    return named;
  }

  std::vector<storage::ObjectInfo> LeftCheckpoints() {
    return backups_.storage().List(names().Checkpoints() + "/" + kEndedRun)->objects;
  }
  const repository::ClusterNames& names() const { return backups_.cluster().names; }

  DirectoryBackups backups_;
  std::shared_ptr<DirectoryBackup> first_;
  format::Checkpoint checkpoint_;
  const std::string run_id_ = kNewRun;
  BackupBase base_;
};

TEST_F(ResumedRunTest, WhatTheEarlierRunStoredIsNotStoredAgain) {
  Result<std::optional<ResumedRun>> resumed = Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  ASSERT_TRUE(*resumed);
  EXPECT_EQ((**resumed).checkpoints, 1u);
  EXPECT_TRUE(Named().contains(DataPackOf(kEarlierFile)) &&
              Named().contains(DataPackOf(kLaterFile)));
  EXPECT_TRUE(LeftCheckpoints().empty());
  ASSERT_NO_FATAL_FAILURE(ExpectBackupStores(0));
}

// A prune that took the run for ended, and was faster, leaves its checkpoint for a moment.
TEST_F(ResumedRunTest, PacksThatAreGoneCountAsNotStoredAndAreNamedNoMore) {
  const crypto::Sha256Digest gone = DataPackOf(kLaterFile);
  ASSERT_TRUE(backups_.storage().Delete(names().Pack(gone)).ok());
  Result<std::optional<ResumedRun>> resumed = Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  ASSERT_TRUE(*resumed);
  EXPECT_FALSE(Named().contains(gone));
  EXPECT_TRUE(Named().contains(DataPackOf(kEarlierFile)));
  ASSERT_NO_FATAL_FAILURE(ExpectBackupStores(kFileUnits));
}

TEST_F(ResumedRunTest, AFullBackupUsesNoLeafThatIsGone) {
  DeleteFirstManifest();
  const crypto::Sha256Digest gone = LeafPackOf(kEarlierFile);
  ASSERT_TRUE(backups_.storage().Delete(names().Pack(gone)).ok());
  Result<std::optional<ResumedRun>> resumed = Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  ASSERT_TRUE(*resumed);
  EXPECT_FALSE(Named().contains(gone));
  EXPECT_TRUE(Named().contains(DataPackOf(kLaterFile)));
  ASSERT_NO_FATAL_FAILURE(ExpectBackupStores(kFileUnits));
}

// Another run may go on from this one when the prune has ended, and finds no trash then.
TEST_F(ResumedRunTest, PacksThatAPruneMeansToDeleteAreNamedNoMore) {
  const crypto::Sha256Digest data = DataPackOf(kLaterFile);
  const crypto::Sha256Digest leaf = LeafPackOf(kEarlierFile);
  ASSERT_NE(leaf, LeafPackOf(kLaterFile));
  Result<std::optional<ResumedRun>> resumed = Resume({data, leaf});
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  ASSERT_TRUE(*resumed);
  EXPECT_FALSE(Named().contains(data));
  EXPECT_FALSE(Named().contains(leaf));
  EXPECT_TRUE(std::ranges::none_of((**resumed).packs, [&](const crypto::Sha256Digest& pack) {
    return pack == data || pack == leaf;
  }));
}

// How a checkpoint is made one that cannot be read.
struct Unreadable {
  const char* name;
  void (*change)(Bytes& object);
};

class UnreadableCheckpointTest : public ResumedRunTest,
                                 public ::testing::WithParamInterface<Unreadable> {
 protected:
  void MakeUnreadable(uint32_t number) {
    const std::string name = names().Checkpoint(kEndedRun, number);
    Bytes object = repository::Content(backups_.storage(), name);
    GetParam().change(object);
    repository::Replace(backups_.storage(), name, object);
  }
};

TEST_P(UnreadableCheckpointTest, OthersOfTheRunAreGoneOnFrom) {
  PutCheckpoint(1, checkpoint_);
  MakeUnreadable(1);
  Result<std::optional<ResumedRun>> resumed = Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  ASSERT_TRUE(*resumed);
  EXPECT_EQ((**resumed).checkpoints, 1u);
  EXPECT_TRUE(LeftCheckpoints().empty());
  ASSERT_NO_FATAL_FAILURE(ExpectBackupStores(0));
}

TEST_P(UnreadableCheckpointTest, ARunWithoutOthersIsLeftAndAnOlderOneGoneOnFrom) {
  constexpr char kOlderRun[] = "20240229_020000-00dd";
  checkpoint_.set_backup_id(kOlderRun);
  PutCheckpoint(0, checkpoint_);
  MakeUnreadable(0);
  Result<std::optional<ResumedRun>> resumed = Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  ASSERT_TRUE(*resumed);
  EXPECT_EQ((**resumed).run_id, kOlderRun);
  EXPECT_EQ(LeftCheckpoints().size(), 1u);
  EXPECT_EQ(backups_.storage().Stat(names().Manifest(kEndedRun)).code(), Code::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, UnreadableCheckpointTest,
    ::testing::Values(Unreadable{"Damaged", [](Bytes& object) { object.back() ^= 1; }},
                      Unreadable{"CutShort", [](Bytes& object) { object.resize(10); }},
                      Unreadable{"Newer", [](Bytes& object) { object[8] = 2; }},
                      Unreadable{"SealedWithAnotherKey", [](Bytes& object) { object[48] ^= 1; }}),
    [](const auto& way) { return way.param.name; });

TEST_F(ResumedRunTest, ACheckpointThatIsTakenAwayMeanwhileIsPassedOver) {
  PutCheckpoint(1, checkpoint_);
  backups_.storage().Add({.request = storage::Request::kGet,
                          .name_contains = names().Checkpoint(kEndedRun, 1),
                          .code = Code::kNotFound});
  Result<std::optional<ResumedRun>> resumed = Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  ASSERT_TRUE(*resumed);
  EXPECT_EQ((**resumed).checkpoints, 1u);
}

TEST_F(ResumedRunTest, ACheckpointThatSaysWhatCannotBeIsPassedOver) {
  format::Checkpoint impossible = checkpoint_;
  impossible.mutable_leaves(0)->mutable_parts(0)->set_count(repository::kLeafUnitsMax);
  PutCheckpoint(1, impossible);
  Result<std::optional<ResumedRun>> resumed = Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  ASSERT_TRUE(*resumed);
  EXPECT_EQ((**resumed).checkpoints, 1u);
  EXPECT_TRUE(LeftCheckpoints().empty());
  ASSERT_NO_FATAL_FAILURE(ExpectBackupStores(0));
}

// The earlier run is given up, and what it stored is known to half.
TEST_F(ResumedRunTest, AStorageThatFailsEndsTheRun) {
  for (auto [request, name] :
       {std::pair(storage::Request::kGet, names().Checkpoint(kEndedRun, 0)),
        std::pair(storage::Request::kStat, names().Root() + "/packs"),
        std::pair(storage::Request::kPut, names().Checkpoint(kNewRun, 0)),
        std::pair(storage::Request::kDelete, names().Checkpoint(kEndedRun, 0))}) {
    backups_.storage().Add({.request = request, .name_contains = name});
    Result<std::optional<ResumedRun>> resumed = Resume();
    ASSERT_FALSE(resumed.ok()) << name;
    EXPECT_EQ(resumed.code(), Code::kStorage);
    CHECK(backups_.storage().Delete(names().Manifest(kEndedRun)).ok());
    CHECK(repository::RemoveCheckpoints(backups_.cluster(), kNewRun).ok());
  }
}

}  // namespace
}  // namespace pgcairn::commands
