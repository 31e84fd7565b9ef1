#include "repository/notes/note_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "repository/seal/document.h"
#include "repository/testing/memory_cluster.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::repository {
namespace {

constexpr char kNotedId[] = "20240101_020000-00af";
constexpr char kOtherNotedId[] = "20240102_020000-00b0";

class NoteStoreTest : public ::testing::Test {
 protected:
  const ClusterAccess& cluster() { return *cluster_.access; }
  void Pin(bool pinned, const std::string& id = kNotedId) {
    format::BackupNote note;
    note.set_pinned(pinned);
    ASSERT_TRUE(PutNote(cluster(), id, note).ok());
  }
  void Say(const std::string& text) {
    format::BackupNote note;
    note.set_note(text);
    ASSERT_TRUE(PutNote(cluster(), kNotedId, note).ok());
  }
  BackupNotes Read(const std::string& id = kNotedId) {
    Result<BackupNotes> notes = ReadNotes(cluster(), id);
    EXPECT_TRUE(notes.ok());
    return notes.ok() ? std::move(notes).value() : BackupNotes();
  }

  MemoryCluster cluster_ = MakeMemoryCluster();
};

TEST_F(NoteStoreTest, ABackupWithoutNotesIsNotPinned) {
  BackupNotes notes = Read();
  EXPECT_FALSE(notes.pinned);
  EXPECT_EQ(notes.note, std::nullopt);
  EXPECT_FALSE(notes.verified.has_value());
  EXPECT_TRUE(notes.unreadable.empty());
  EXPECT_TRUE(ReadAllNotes(cluster())->empty());
}

TEST_F(NoteStoreTest, TheNewestStatementOfEachFieldCounts) {
  Pin(true);
  Say("before the migration");
  format::BackupNote verified;
  verified.mutable_verified()->set_at_us(77);
  verified.mutable_verified()->set_scope(format::Verification::WHOLE);
  ASSERT_TRUE(PutNote(cluster(), kNotedId, verified).ok());
  BackupNotes notes = Read();
  EXPECT_TRUE(notes.pinned);
  EXPECT_EQ(notes.note, "before the migration");
  EXPECT_EQ(notes.verified->at_us(), 77);
  Pin(false);
  Say("");
  notes = Read();
  EXPECT_FALSE(notes.pinned);
  EXPECT_EQ(notes.note, "") << "an empty text takes the manifest's away, nothing does not";
  EXPECT_EQ(notes.verified->scope(), format::Verification::WHOLE);
}

// Clocks have no say: the notes of a host whose clock is behind count too.
TEST_F(NoteStoreTest, TheHighestNumberIsTheNewest) {
  format::BackupNote note;
  note.set_backup_id(kNotedId);
  note.set_number(0x10);
  note.set_at_us(INT64_MAX);
  note.set_pinned(true);
  Result<Bytes> object = SealDocument(ObjectKind::kNote, cluster().keys.Current(), cluster().place,
                                      note.SerializeAsString());
  ASSERT_TRUE(cluster().storage.PutIfAbsent(cluster().names.Note(kNotedId, 0x10), *object).ok());
  Pin(false);
  EXPECT_TRUE(cluster().storage.Stat(cluster().names.Note(kNotedId, 0x11)).ok());
  EXPECT_FALSE(Read().pinned);
}

TEST_F(NoteStoreTest, NotesAtTheSameTimeEachGetANumber) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([this] { Pin(true); });
  for (std::thread& thread : threads) thread.join();
  Result<storage::Listing> listing = cluster().storage.List(cluster().names.NotesOn(kNotedId));
  ASSERT_TRUE(listing.ok());
  ASSERT_EQ(listing->objects.size(), 8u);
  EXPECT_EQ(listing->objects.back().name, cluster().names.Note(kNotedId, 7));
}

TEST_F(NoteStoreTest, WithoutANumberLeftNothingIsOverwritten) {
  Bytes byte{1};
  std::string last = cluster().names.Note(kNotedId, UINT32_MAX);
  ASSERT_TRUE(cluster().storage.PutIfAbsent(last, byte).ok());
  format::BackupNote note;
  note.set_pinned(true);
  Status put = PutNote(cluster(), kNotedId, note);
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.code(), Code::kRefused);
  EXPECT_EQ(Content(*cluster_.storage, last), byte);
}

TEST_F(NoteStoreTest, AllNotesAreReadByBackup) {
  Pin(true);
  Pin(true, kOtherNotedId);
  Pin(false, kOtherNotedId);
  format::Deletion deletion;
  deletion.set_prune_id("20240103_020000-00b1");
  ASSERT_TRUE(PutDeletion(cluster(), deletion).ok());
  std::map<std::string, BackupNotes> all = ReadAllNotes(cluster()).value();
  ASSERT_EQ(all.size(), 2u) << "records of deletions are notes on no backup";
  EXPECT_TRUE(all.at(kNotedId).pinned);
  EXPECT_FALSE(all.at(kOtherNotedId).pinned);
}

TEST_F(NoteStoreTest, ANoteThatCannotBeReadIsNamedAndTheOthersCount) {
  Pin(true);
  Say("kept for the auditors");
  std::string name = cluster().names.Note(kNotedId, 0);
  Bytes object = Content(*cluster_.storage, name);
  object.back() ^= 1;
  Replace(*cluster_.storage, name, object);
  BackupNotes notes = Read();
  EXPECT_EQ(notes.note, "kept for the auditors");
  ASSERT_EQ(notes.unreadable.size(), 1u);
  EXPECT_NE(notes.unreadable[0].find(name), std::string::npos);
}

TEST_F(NoteStoreTest, ANoteInAnotherPlaceIsNotBelieved) {
  Pin(false, kOtherNotedId);
  Bytes object = Content(*cluster_.storage, cluster().names.Note(kOtherNotedId, 0));
  for (const std::string& place :
       {cluster().names.Note(kNotedId, 0), cluster().names.Note(kOtherNotedId, 1)}) {
    ASSERT_TRUE(cluster().storage.PutIfAbsent(place, object).ok());
  }
  EXPECT_EQ(Read().unreadable.size(), 1u);
  EXPECT_EQ(Read(kOtherNotedId).unreadable.size(), 1u);
}

TEST_F(NoteStoreTest, ATextMayHaveAnyEncoding) {
  Say("M\xfcller \xff");
  EXPECT_EQ(Read().note, "M\xfcller \xff");
}

TEST_F(NoteStoreTest, OtherObjectsAreNoNotes) {
  Bytes byte{1};
  for (const char* name : {"/0000000A", "/1", "/00000000.old"}) {
    ASSERT_TRUE(cluster().storage.PutIfAbsent(cluster().names.NotesOn(kNotedId) + name, byte).ok());
  }
  EXPECT_TRUE(Read().unreadable.empty());
  Pin(true);
  EXPECT_TRUE(cluster().storage.Stat(cluster().names.Note(kNotedId, 0)).ok());
}

TEST_F(NoteStoreTest, NotesOnADeletedBackupCanBeRemoved) {
  Pin(true);
  Pin(false);
  Pin(true, kOtherNotedId);
  ASSERT_TRUE(DeleteNotes(cluster(), kNotedId).ok());
  EXPECT_FALSE(Read().pinned);
  EXPECT_TRUE(Read(kOtherNotedId).pinned);
  EXPECT_TRUE(DeleteNotes(cluster(), kNotedId).ok());
}

TEST_F(NoteStoreTest, DeletionsAreRecordedOnceAndReadInOrder) {
  format::Deletion deletion;
  deletion.set_prune_id(kOtherNotedId);
  deletion.add_backup_ids(kNotedId);
  format::DeletedSegments* wal = deletion.add_wal();
  wal->set_system_identifier(7);
  wal->set_first("000000010000000000000003");
  wal->set_last("000000010000000000000009");
  ASSERT_TRUE(PutDeletion(cluster(), deletion).ok());
  EXPECT_EQ(PutDeletion(cluster(), deletion).code(), Code::kAlreadyExists);
  deletion.set_prune_id(kNotedId);
  ASSERT_TRUE(PutDeletion(cluster(), deletion).ok());
  Deletions deletions = ReadDeletions(cluster()).value();
  ASSERT_EQ(deletions.records.size(), 2u);
  EXPECT_TRUE(deletions.unreadable.empty());
  EXPECT_EQ(deletions.records[0].prune_id(), kNotedId);
  EXPECT_EQ(deletions.records[1].backup_ids(0), kNotedId);
  EXPECT_EQ(deletions.records[1].wal(0).last(), "000000010000000000000009");
  EXPECT_FALSE(deletions.records[1].host().empty());
  EXPECT_NE(deletions.records[1].at_us(), 0);
}

TEST_F(NoteStoreTest, ARecordOfDeletionsThatCannotBeReadIsNamed) {
  format::Deletion deletion;
  deletion.set_prune_id(kOtherNotedId);
  ASSERT_TRUE(PutDeletion(cluster(), deletion).ok());
  Bytes object = Content(*cluster_.storage, cluster().names.Deletion(kOtherNotedId));
  ASSERT_TRUE(cluster().storage.PutIfAbsent(cluster().names.Deletion(kNotedId), object).ok());
  Deletions deletions = ReadDeletions(cluster()).value();
  EXPECT_EQ(deletions.records.size(), 1u);
  ASSERT_EQ(deletions.unreadable.size(), 1u);
  EXPECT_NE(deletions.unreadable[0].find(kNotedId), std::string::npos);
}

class MergedDeletionsTest : public NoteStoreTest {
 protected:
  static std::string PruneId(int number) { return fmt::format("20240201_020000-{:04x}", number); }
  static std::string BackupId(int number) { return fmt::format("20240101_020000-{:04x}", number); }
  static format::Deletion Record(int number) {
    format::Deletion deletion;
    deletion.set_prune_id(PruneId(number));
    deletion.add_backup_ids(BackupId(number));
    return deletion;
  }
  size_t Objects() { return cluster().storage.List(cluster().names.Deletions())->objects.size(); }
  // By backup: the prune that says so.
  std::map<std::string, std::string> Said() {
    Deletions deletions = ReadDeletions(cluster()).value();
    EXPECT_TRUE(deletions.unreadable.empty());
    std::map<std::string, std::string> said;
    for (const format::Deletion& record : deletions.records) {
      EXPECT_EQ(record.backup_ids_size(), 1);
      said[record.backup_ids(0)] = record.prune_id();
    }
    return said;
  }
  void ExpectAllSaid(int count) {
    const std::map<std::string, std::string> said = Said();
    EXPECT_EQ(said.size(), static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      auto found = said.find(BackupId(i));
      ASSERT_NE(found, said.end()) << i;
      EXPECT_EQ(found->second, PruneId(i));
    }
  }
};

TEST_F(MergedDeletionsTest, RecordsDoNotGrowInNumberAndStillSayWhoDeletedWhat) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(PutDeletion(cluster(), Record(i)).ok());
    ASSERT_LE(Objects(), 9u);
  }
  ASSERT_NO_FATAL_FAILURE(ExpectAllSaid(100));
}

// Programs that do not know of merging read the lists of the record itself.
TEST_F(MergedDeletionsTest, TheListsOfAMergedRecordAreThoseOfAll) {
  int i = 0;
  do ASSERT_TRUE(PutDeletion(cluster(), Record(i++)).ok());
  while (Objects() != 1);
  const std::string name = cluster().names.Deletion(PruneId(i - 1));
  Bytes object = Content(*cluster_.storage, name);
  std::string message =
      OpenDocument(ObjectKind::kNote, object, cluster().place, cluster().keys.Lookup()).value();
  format::Deletion merged;
  ASSERT_TRUE(merged.ParseFromString(message));
  std::vector<std::string> ids(merged.backup_ids().begin(), merged.backup_ids().end());
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  EXPECT_EQ(ids.size(), static_cast<size_t>(i));
}

TEST_F(MergedDeletionsTest, WhatCannotBeReadStays) {
  ASSERT_TRUE(PutDeletion(cluster(), Record(0)).ok());
  const std::string name = cluster().names.Deletion(PruneId(0));
  Replace(*cluster_.storage, name, AsBytes("damaged"));
  for (int i = 1; i < 30; ++i) ASSERT_TRUE(PutDeletion(cluster(), Record(i)).ok());
  EXPECT_TRUE(cluster().storage.Stat(name).ok());
  EXPECT_EQ(ReadDeletions(cluster())->unreadable.size(), 1u);
}

// At every request, and with the next prune going on from there.
TEST_F(MergedDeletionsTest, AProcessThatEndsAnywhereTakesNothingAway) {
  for (uint64_t nth = 1;; ++nth) {
    auto faulty =
        std::make_shared<storage::FaultyStorage>(std::make_shared<storage::MemoryStorage>());
    cluster_ = MakeMemoryCluster(faulty);
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(PutDeletion(cluster(), Record(i)).ok());
    auto dying = std::make_shared<storage::FaultyStorage>(faulty);
    ClusterAccess through{*dying, cluster().names, cluster().place,
                          std::move(cluster_.access->keys)};
    dying->Add({.nth = nth, .effect = storage::FaultEffect::kCrashAfter});
    Status put = PutDeletion(through, Record(8));
    cluster_.access->keys = std::move(through.keys);
    const int count = cluster().storage.Stat(cluster().names.Deletion(PruneId(8))).ok() ? 9 : 8;
    ASSERT_NO_FATAL_FAILURE(ExpectAllSaid(count)) << nth;
    if (count == 9) {
      ASSERT_TRUE(PutDeletion(cluster(), Record(9)).ok());
      ASSERT_NO_FATAL_FAILURE(ExpectAllSaid(10)) << nth;
    }
    if (dying->crashed()) continue;
    EXPECT_GT(nth, 16u) << "eight records are read and deleted";
    break;
  }
}

// Two prunes that do not see each other, one of them stopped before any of its requests.
TEST_F(MergedDeletionsTest, AnotherPruneBetweenAnyTwoRequestsTakesNothingAway) {
  bool between = true;
  uint64_t nth = 0;
  while (between) {
    between = false;
    bool ended = false;
    ++nth;
    auto storage =
        std::make_shared<storage::FaultyStorage>(std::make_shared<storage::MemoryStorage>());
    cluster_ = MakeMemoryCluster(storage);
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(PutDeletion(cluster(), Record(i)).ok());
    storage->Add({.nth = nth, .effect = storage::FaultEffect::kRunHook, .hook = [&] {
                    if (ended) return;
                    between = true;
                    EXPECT_TRUE(PutDeletion(cluster(), Record(9)).ok());
                    EXPECT_TRUE(PutDeletion(cluster(), Record(10)).ok());
                  }});
    ASSERT_TRUE(PutDeletion(cluster(), Record(8)).ok());
    ended = true;
    ASSERT_NO_FATAL_FAILURE(ExpectAllSaid(between ? 11 : 9)) << nth;
  }
  EXPECT_GT(nth, 16u) << "eight records are read and deleted";
}

// A reader whose list is older than what it finds.
TEST_F(MergedDeletionsTest, ARecordThatIsMergedWhileItIsReadIsNoLoss) {
  auto storage =
      std::make_shared<storage::FaultyStorage>(std::make_shared<storage::MemoryStorage>());
  cluster_ = MakeMemoryCluster(storage);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(PutDeletion(cluster(), Record(i)).ok());
  storage->Add({.request = storage::Request::kGet,
                .nth = 3,
                .effect = storage::FaultEffect::kRunHook,
                .hook = [&] { EXPECT_TRUE(PutDeletion(cluster(), Record(8)).ok()); }});
  ASSERT_NO_FATAL_FAILURE(ExpectAllSaid(9));
}

}  // namespace
}  // namespace pgcairn::repository
