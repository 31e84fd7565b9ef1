#include "commands/safe_deletion.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "commands/testing/light_repository.h"
#include "repository/lease/tombstone.h"
#include "repository/manifest/manifest_store.h"
#include "repository/notes/note_store.h"
#include "repository/prune/claim.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::commands {
namespace {

using testing::LightRepository;

constexpr char kA[] = "20240101_020000-000a";
constexpr char kB[] = "20240102_020000-000b";
constexpr char kC[] = "20240103_020000-000c";
constexpr char kRun[] = "20240104_020000-000d";

// Of `ids` and `wal` what is there.
Decide Only(std::vector<std::string> ids, std::vector<std::string> wal = {}) {
  return [=](const Situation& situation) -> Result<Deletable> {
    Deletable deletable;
    for (const std::string& id : situation.inventory.backups.ids) {
      if (std::ranges::find(ids, id) != ids.end()) deletable.backup_ids.push_back(id);
    }
    for (const ArchivedFile& file : situation.inventory.wal) {
      if (std::ranges::find(wal, file.object) != wal.end()) {
        deletable.wal_objects.push_back(file.object);
      }
    }
    return deletable;
  };
}

class SafeDeletionTest : public ::testing::Test {
 protected:
  SafeDeletionTest() {
    repository_.AddBackup(kA, {1, 2}, 1);
    repository_.AddBackup(kB, {2, 3}, 11);
    repository_.AddBackup(kC, {3, 4}, 21);
    repository_.AddPack(9);
    for (uint64_t number = 1; number <= 24; ++number) repository_.AddSegment(number);
  }

  Result<DeletionOutcome> Delete(const Decide& decide, DeletionOptions options = {}) {
    options.expiry_s = 3600;
    return DeleteSafely(repository_.cluster(), decide, options);
  }
  // As a run of another host.
  void WriteLease(repository::LeaseTerms terms) {
    ASSERT_TRUE(repository::WriteLease(repository_.cluster(), terms).ok());
  }
  std::vector<std::string> Segments(uint64_t first, uint64_t last) const {
    std::vector<std::string> objects;
    for (; first <= last; ++first) objects.push_back(repository_.SegmentObject(first));
    return objects;
  }
  // The dead run's lease: of a process of this host that has ended.
  void LeaveLease(const std::string& id) {
    repository::LeaseTerms terms;
    terms.run_id = id;
    WriteLease(terms);
    const std::string name = names().Lease(id);
    format::Lease lease = repository::ListLeases(repository_.cluster())->front().lease;
    lease.mutable_process()->set_process_start_ticks(1);
    Result<Bytes> object = repository::SealDocument(
        repository::ObjectKind::kLease, repository_.cluster().keys.Current(),
        repository_.cluster().place, lease.SerializeAsString());
    ASSERT_TRUE(object.ok());
    repository::Replace(*repository_.storage(), name, *object);
  }
  const repository::ClusterNames& names() const { return repository_.cluster().names; }

  LightRepository repository_;
};

TEST_F(SafeDeletionTest, WhatOnlyTheBackupNeededGoesWithIt) {
  Result<DeletionOutcome> done = Delete(Only({kA}, Segments(1, 8)));
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(done->backups, std::vector<std::string>{kA});
  EXPECT_EQ(done->packs, 1u);
  EXPECT_EQ(done->pack_bytes, LightRepository::PackContent(1).size());
  EXPECT_EQ(done->orphan_packs, 1u);
  EXPECT_EQ(done->wal_files.size(), 8u);
  EXPECT_FALSE(repository_.HasBackup(kA));
  EXPECT_FALSE(repository_.HasPack(1));
  EXPECT_FALSE(repository_.HasPack(9)) << "nobody's";
  EXPECT_TRUE(repository_.HasPack(2)) << "another backup needs it";
  EXPECT_FALSE(repository_.HasSegment(8));
  EXPECT_TRUE(repository_.HasSegment(9));
  EXPECT_EQ(repository_.storage()->Stat(names().References(kA)).code(), Code::kNotFound);
  EXPECT_TRUE(repository_.Whole().ok());
  EXPECT_EQ(repository_.Traces(), std::vector<std::string>{names().Deletion(done->prune_id)});
}

TEST_F(SafeDeletionTest, ARecordSaysWhatWasDeletedOnPurpose) {
  Result<DeletionOutcome> done = Delete(Only({kA, kB}, Segments(1, 3)));
  ASSERT_TRUE(done.ok()) << done.error().message;
  Result<repository::Deletions> records = repository::ReadDeletions(repository_.cluster());
  ASSERT_TRUE(records.ok());
  ASSERT_EQ(records->records.size(), 1u);
  const format::Deletion& record = records->records.front();
  EXPECT_EQ(record.prune_id(), done->prune_id);
  ASSERT_EQ(record.backup_ids_size(), 2);
  EXPECT_EQ(record.backup_ids(0), kA);
  ASSERT_EQ(record.wal_size(), 1);
  EXPECT_EQ(record.wal(0).first(), LightRepository::SegmentName(1));
  EXPECT_EQ(record.wal(0).last(), LightRepository::SegmentName(3));
}

TEST_F(SafeDeletionTest, ADryRunChangesNothingAndSaysTheSame) {
  std::vector<std::string> before = repository_.Traces();
  DeletionOptions options;
  options.dry_run = true;
  Result<DeletionOutcome> dry = Delete(Only({kA}, Segments(1, 8)), options);
  ASSERT_TRUE(dry.ok()) << dry.error().message;
  EXPECT_TRUE(repository_.HasBackup(kA));
  EXPECT_EQ(repository_.Traces(), before);
  Result<DeletionOutcome> done = Delete(Only({kA}, Segments(1, 8)));
  EXPECT_EQ(dry->backups, done->backups);
  EXPECT_EQ(dry->wal_files, done->wal_files);
  EXPECT_EQ(dry->pack_bytes, done->pack_bytes);
  EXPECT_EQ(dry->orphan_bytes, done->orphan_bytes);
}

TEST_F(SafeDeletionTest, TheBaseOfALiveRunStaysWithAllItNeeds) {
  repository::LeaseTerms terms;
  terms.run_id = kRun;
  terms.base_backup_id = kA;
  WriteLease(terms);
  Result<DeletionOutcome> done = Delete(Only({kA, kB}, Segments(1, 12)));
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(done->backups, std::vector<std::string>{kB});
  ASSERT_TRUE(done->spared_backups.contains(kA));
  EXPECT_NE(done->spared_backups.at(kA).front().find(kRun), std::string::npos);
  EXPECT_TRUE(repository_.HasPack(1));
  EXPECT_TRUE(repository_.HasPack(9)) << "it may be the live run's";
  EXPECT_EQ(done->orphans_left, 1u);
  EXPECT_TRUE(repository_.HasSegment(8)) << "where the live run starts is not known";
  EXPECT_TRUE(repository_.Whole().ok());
}

TEST_F(SafeDeletionTest, WalGoesBeforeWhereALiveBackupStarts) {
  repository::LeaseTerms terms;
  terms.run_id = kRun;
  terms.wal.emplace();
  terms.wal->set_system_identifier(LightRepository::kSystem);
  terms.wal->set_timeline(1);
  terms.wal->set_from_lsn(5 * LightRepository::kSegmentBytes + 1);
  WriteLease(terms);
  Result<DeletionOutcome> done = Delete(Only({kA}, Segments(1, 8)));
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_FALSE(repository_.HasSegment(4));
  EXPECT_TRUE(repository_.HasSegment(5));
  EXPECT_TRUE(repository_.HasSegment(8));
}

TEST_F(SafeDeletionTest, ARestoreKeepsItsBackupAndTheWalAfterIt) {
  repository::LeaseTerms terms;
  terms.run_id = kRun;
  terms.kind = format::Lease::RESTORE;
  terms.base_backup_id = kB;
  WriteLease(terms);
  Result<DeletionOutcome> done = Delete(Only({kA, kB}, Segments(1, 20)));
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(repository_.HasBackup(kB));
  EXPECT_FALSE(repository_.HasSegment(10));
  for (uint64_t number = 11; number <= 20; ++number) EXPECT_TRUE(repository_.HasSegment(number));
  EXPECT_FALSE(repository_.HasPack(9)) << "a restore writes no pack";
}

TEST_F(SafeDeletionTest, WhileAllIsVerifiedNothingGoes) {
  repository::LeaseTerms terms;
  terms.run_id = kRun;
  terms.kind = format::Lease::VERIFY;
  WriteLease(terms);
  Result<DeletionOutcome> done = Delete(Only({kA}, Segments(1, 8)));
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(repository_.HasBackup(kA));
  EXPECT_TRUE(repository_.HasPack(9));
  EXPECT_TRUE(repository_.HasSegment(1));
  ASSERT_TRUE(done->spared_backups.contains(kA));
}

TEST_F(SafeDeletionTest, WalThatAKeptBackupNeedsStaysWhateverWasDecided) {
  Result<DeletionOutcome> done = Delete(Only({kA}, Segments(1, 24)));
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(repository_.Whole().ok());
  EXPECT_EQ(done->spared_wal_files, 4u);
  EXPECT_FALSE(repository_.HasSegment(13));
}

TEST_F(SafeDeletionTest, ADeadRunIsGivenUpAndItsPacksGo) {
  LeaveLease(kRun);
  Result<DeletionOutcome> done = Delete(Only({}));
  ASSERT_TRUE(done.ok()) << done.error().message;
  ASSERT_EQ(done->given_up.size(), 1u);
  EXPECT_NE(done->given_up.front().find(kRun), std::string::npos);
  EXPECT_FALSE(repository_.HasPack(9));
  EXPECT_EQ(repository_.Traces(), std::vector<std::string>{});
  EXPECT_EQ(repository::ReadManifest(repository_.cluster(), kRun).code(), Code::kNotFound);
  format::Manifest manifest = LightRepository::ManifestOf(kRun, 11);
  EXPECT_EQ(repository::CommitBackup(repository_.cluster(), manifest, {}).code(),
            Code::kAlreadyExists);
}

TEST_F(SafeDeletionTest, ARunThatCanBeGoneOnFromKeepsItsPacks) {
  LeaveLease(kRun);
  repository_.AddCheckpoint(kRun, {9});
  Result<DeletionOutcome> done = Delete(Only({kA}));
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(repository_.HasPack(9));
  EXPECT_TRUE(done->given_up.empty());
  EXPECT_EQ(repository_.storage()->Stat(names().Manifest(kRun)).code(), Code::kNotFound)
      << "no tombstone";
}

TEST_F(SafeDeletionTest, TheCheckpointOfACommittedRunIsClearedAway) {
  repository_.AddCheckpoint(kC, {4});
  ASSERT_TRUE(Delete(Only({})).ok());
  EXPECT_EQ(repository_.Traces(), std::vector<std::string>{});
  EXPECT_TRUE(repository_.Whole().ok());
}

TEST_F(SafeDeletionTest, AListWithoutAManifestGoesUnlessItsRunLives) {
  ASSERT_TRUE(repository_.storage()->PutIfAbsent(names().References(kRun), AsBytes("list")).ok());
  repository::LeaseTerms terms;
  terms.run_id = kRun;
  WriteLease(terms);
  ASSERT_TRUE(Delete(Only({})).ok());
  EXPECT_TRUE(repository_.storage()->Stat(names().References(kRun)).ok());
  ASSERT_TRUE(repository::RemoveLease(repository_.cluster(), kRun).ok());
  ASSERT_TRUE(Delete(Only({})).ok());
  EXPECT_EQ(repository_.storage()->Stat(names().References(kRun)).code(), Code::kNotFound);
}

TEST_F(SafeDeletionTest, RecordsOfDamageGoWithThePack) {
  auto record = [&](int pack) {
    return names().Root() + "/damaged/" + LightRepository::PackId(pack).ToHex();
  };
  for (int pack : {1, 2, 4}) {
    ASSERT_TRUE(repository_.storage()->PutIfAbsent(record(pack), AsBytes("damaged")).ok());
  }
  ASSERT_TRUE(repository_.storage()->Delete(names().Pack(LightRepository::PackId(4))).ok());
  ASSERT_TRUE(Delete(Only({kA})).ok());
  EXPECT_EQ(repository_.storage()->Stat(record(1)).code(), Code::kNotFound);
  EXPECT_TRUE(repository_.storage()->Stat(record(2)).ok());
  EXPECT_TRUE(repository_.storage()->Stat(record(4)).ok()) << "missing, and needed";
}

TEST_F(SafeDeletionTest, WhatIsNotKnownStopsIt) {
  const std::string root = names().Root();
  for (const std::string& name :
       {root + "/stray", root + "/shards/1", names().Backups() + "/notes.txt",
        root + "/packs/00/short", root + "/wal/0000000000001234/stray",
        root + "/wal/0000000000001234/0000000100000000/stray", root + "/leases/x",
        root + "/notes/x/00000000", root + "/trash/x/00000000", root + "/damaged/x",
        root + "/checkpoints/x"}) {
    ASSERT_TRUE(repository_.storage()->PutIfAbsent(name, AsBytes("?")).ok());
    Result<DeletionOutcome> done = Delete(Only({kA}));
    ASSERT_FALSE(done.ok()) << name;
    EXPECT_NE(done.error().message.find(name.substr(0, name.rfind('/'))), std::string::npos)
        << done.error().message;
    EXPECT_TRUE(repository_.HasBackup(kA) && repository_.HasPack(9)) << name;
    ASSERT_TRUE(repository_.storage()->Delete(name).ok());
  }
  EXPECT_EQ(repository_.Traces(), std::vector<std::string>{});
}

TEST_F(SafeDeletionTest, AnObjectOfANewerVersionStopsIt) {
  const std::string name = names().Manifest(kC);
  const Bytes manifest = repository::Content(*repository_.storage(), name);
  for (size_t at : {7, 8, 12}) {
    Bytes newer = manifest;
    newer[at] = 'Z';
    repository::Replace(*repository_.storage(), name, newer);
    Result<DeletionOutcome> done = Delete(Only({kA}));
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.code(), Code::kRefused) << done.error().message;
    EXPECT_TRUE(repository_.HasPack(1));
  }
}

TEST_F(SafeDeletionTest, WhatCannotBeReadStopsItUnlessItIsNamed) {
  for (const std::string& name : {names().Manifest(kB), names().References(kB)}) {
    Bytes content = repository::Content(*repository_.storage(), name);
    content[content.size() / 2] ^= 1;
    repository::Replace(*repository_.storage(), name, content);
    for (const char* going : {kA, kB}) {
      Result<DeletionOutcome> done = Delete(Only({going}));
      ASSERT_FALSE(done.ok());
      EXPECT_EQ(done.code(), Code::kRefused) << done.error().message;
      EXPECT_NE(done.error().message.find(kB), std::string::npos);
    }
  }
  EXPECT_TRUE(repository_.HasPack(1));
  DeletionOptions options;
  options.named = {kB};
  Result<DeletionOutcome> done = Delete(Only({kB}), options);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_FALSE(repository_.storage()->Stat(names().Manifest(kB)).ok());
  EXPECT_TRUE(repository_.Whole().ok());
}

TEST_F(SafeDeletionTest, AMissingListStopsIt) {
  ASSERT_TRUE(repository_.storage()->Delete(names().References(kB)).ok());
  EXPECT_EQ(Delete(Only({kA})).code(), Code::kRefused);
  EXPECT_TRUE(repository_.HasPack(1) && repository_.HasPack(2));
}

TEST_F(SafeDeletionTest, ASecondPruneIsRefusedBesideTheFirst) {
  DeletionOptions options;
  Code second = Code::kFailed;
  options.wait_grace = [&] { second = Delete(Only({kB})).code(); };
  ASSERT_TRUE(Delete(Only({kA}), options).ok());
  EXPECT_EQ(second, Code::kRefused);
  EXPECT_TRUE(repository_.HasBackup(kB));
}

TEST_F(SafeDeletionTest, WhatIsPinnedDuringTheGraceStays) {
  DeletionOptions options;
  bool pinned = false;
  options.wait_grace = [&] { pinned = true; };
  Decide decide = [&](const Situation& situation) {
    return Only(pinned ? std::vector<std::string>{} : std::vector<std::string>{kA})(situation);
  };
  Result<DeletionOutcome> done = Delete(decide, options);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(done->backups.empty());
  EXPECT_TRUE(repository_.HasBackup(kA));
  EXPECT_TRUE(repository_.Whole().ok());
}

// Whoever asks after the lease was written and before the deletion finds the backup listed.
TEST_F(SafeDeletionTest, WhatIsAnnouncedIsNotUsed) {
  DeletionOptions options;
  options.wait_grace = [&] {
    repository::LeaseTerms terms;
    terms.run_id = kRun;
    terms.base_backup_id = kA;
    Result<repository::Claim> claim =
        repository::WriteLeaseAndClaim(repository_.cluster(), terms);
    ASSERT_TRUE(claim.ok());
    EXPECT_FALSE(claim->base_is_safe);
    EXPECT_FALSE(claim->MayUse(LightRepository::PackId(1)));
    EXPECT_FALSE(claim->MayUse(LightRepository::PackId(9)));
    EXPECT_TRUE(claim->MayUse(LightRepository::PackId(2)));
    ASSERT_TRUE(repository::RemoveLease(repository_.cluster(), kRun).ok());
  };
  ASSERT_TRUE(Delete(Only({kA}), options).ok());
  EXPECT_FALSE(repository_.HasBackup(kA));
}

TEST_F(SafeDeletionTest, AFailedRequestLeavesTheTrashForTheNextOne) {
  storage::FaultyStorage faulty(repository_.storage());
  faulty.Add({.request = storage::Request::kDelete, .name_contains = "/packs/"});
  auto through = repository_.Through(faulty);
  DeletionOptions options;
  options.expiry_s = 3600;
  EXPECT_EQ(DeleteSafely(*through, Only({kA}), options).code(), Code::kStorage);
  EXPECT_TRUE(repository_.Whole().ok());
  Result<std::vector<repository::StoredTrash>> trash =
      repository::ListTrash(repository_.cluster());
  ASSERT_EQ(trash->size(), 1u) << "the request may yet be carried out";
  ASSERT_TRUE(Delete(Only({kA})).ok());
  EXPECT_FALSE(repository_.HasPack(1));
  EXPECT_TRUE(repository::ListTrash(repository_.cluster())->empty())
      << "nothing that it lists is left";
}

}  // namespace
}  // namespace pgcairn::commands
