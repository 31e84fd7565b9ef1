#include "repository/notes/note_store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "repository/seal/document.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

constexpr char kId[] = "20240101_020000-00af";
constexpr char kOther[] = "20240102_020000-00b0";

class NoteStoreTest : public ::testing::Test {
 protected:
  const ClusterAccess& cluster() { return *cluster_.access; }
  void Pin(bool pinned, const std::string& id = kId) {
    format::BackupNote note;
    note.set_pinned(pinned);
    ASSERT_TRUE(PutNote(cluster(), id, note).ok());
  }
  void Say(const std::string& text) {
    format::BackupNote note;
    note.set_note(text);
    ASSERT_TRUE(PutNote(cluster(), kId, note).ok());
  }
  BackupNotes Read(const std::string& id = kId) {
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
  ASSERT_TRUE(PutNote(cluster(), kId, verified).ok());
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
  note.set_backup_id(kId);
  note.set_number(0x10);
  note.set_at_us(INT64_MAX);
  note.set_pinned(true);
  Result<Bytes> object = SealDocument(ObjectKind::kNote, cluster().keys.Current(), cluster().place,
                                      note.SerializeAsString());
  ASSERT_TRUE(cluster().storage.PutIfAbsent(cluster().names.Note(kId, 0x10), *object).ok());
  Pin(false);
  EXPECT_TRUE(cluster().storage.Stat(cluster().names.Note(kId, 0x11)).ok());
  EXPECT_FALSE(Read().pinned);
}

TEST_F(NoteStoreTest, NotesAtTheSameTimeEachGetANumber) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([this] { Pin(true); });
  for (std::thread& thread : threads) thread.join();
  Result<storage::Listing> listing = cluster().storage.List(cluster().names.NotesOn(kId));
  ASSERT_TRUE(listing.ok());
  ASSERT_EQ(listing->objects.size(), 8u);
  EXPECT_EQ(listing->objects.back().name, cluster().names.Note(kId, 7));
}

TEST_F(NoteStoreTest, WithoutANumberLeftNothingIsOverwritten) {
  Bytes byte{1};
  std::string last = cluster().names.Note(kId, UINT32_MAX);
  ASSERT_TRUE(cluster().storage.PutIfAbsent(last, byte).ok());
  format::BackupNote note;
  note.set_pinned(true);
  Status put = PutNote(cluster(), kId, note);
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.code(), Code::kRefused);
  EXPECT_EQ(Content(*cluster_.storage, last), byte);
}

TEST_F(NoteStoreTest, AllNotesAreReadByBackup) {
  Pin(true);
  Pin(true, kOther);
  Pin(false, kOther);
  format::Deletion deletion;
  deletion.set_prune_id("20240103_020000-00b1");
  ASSERT_TRUE(PutDeletion(cluster(), deletion).ok());
  std::map<std::string, BackupNotes> all = ReadAllNotes(cluster()).value();
  ASSERT_EQ(all.size(), 2u) << "records of deletions are notes on no backup";
  EXPECT_TRUE(all.at(kId).pinned);
  EXPECT_FALSE(all.at(kOther).pinned);
}

TEST_F(NoteStoreTest, ANoteThatCannotBeReadIsNamedAndTheOthersCount) {
  Pin(true);
  Say("kept for the auditors");
  std::string name = cluster().names.Note(kId, 0);
  Bytes object = Content(*cluster_.storage, name);
  object.back() ^= 1;
  Replace(*cluster_.storage, name, object);
  BackupNotes notes = Read();
  EXPECT_EQ(notes.note, "kept for the auditors");
  ASSERT_EQ(notes.unreadable.size(), 1u);
  EXPECT_NE(notes.unreadable[0].find(name), std::string::npos);
}

TEST_F(NoteStoreTest, ANoteInAnotherPlaceIsNotBelieved) {
  Pin(false, kOther);
  Bytes object = Content(*cluster_.storage, cluster().names.Note(kOther, 0));
  for (const std::string& place : {cluster().names.Note(kId, 0), cluster().names.Note(kOther, 1)}) {
    ASSERT_TRUE(cluster().storage.PutIfAbsent(place, object).ok());
  }
  EXPECT_EQ(Read().unreadable.size(), 1u);
  EXPECT_EQ(Read(kOther).unreadable.size(), 1u);
}

TEST_F(NoteStoreTest, ATextMayHaveAnyEncoding) {
  Say("M\xfcller \xff");
  EXPECT_EQ(Read().note, "M\xfcller \xff");
}

TEST_F(NoteStoreTest, OtherObjectsAreNoNotes) {
  Bytes byte{1};
  for (const char* name : {"/0000000A", "/1", "/00000000.old"}) {
    ASSERT_TRUE(cluster().storage.PutIfAbsent(cluster().names.NotesOn(kId) + name, byte).ok());
  }
  EXPECT_TRUE(Read().unreadable.empty());
  Pin(true);
  EXPECT_TRUE(cluster().storage.Stat(cluster().names.Note(kId, 0)).ok());
}

TEST_F(NoteStoreTest, NotesOnADeletedBackupCanBeRemoved) {
  Pin(true);
  Pin(false);
  Pin(true, kOther);
  ASSERT_TRUE(DeleteNotes(cluster(), kId).ok());
  EXPECT_FALSE(Read().pinned);
  EXPECT_TRUE(Read(kOther).pinned);
  EXPECT_TRUE(DeleteNotes(cluster(), kId).ok());
}

TEST_F(NoteStoreTest, DeletionsAreRecordedOnceAndReadInOrder) {
  format::Deletion deletion;
  deletion.set_prune_id(kOther);
  deletion.add_backup_ids(kId);
  format::DeletedSegments* wal = deletion.add_wal();
  wal->set_system_identifier(7);
  wal->set_first("000000010000000000000003");
  wal->set_last("000000010000000000000009");
  ASSERT_TRUE(PutDeletion(cluster(), deletion).ok());
  EXPECT_EQ(PutDeletion(cluster(), deletion).code(), Code::kAlreadyExists);
  deletion.set_prune_id(kId);
  ASSERT_TRUE(PutDeletion(cluster(), deletion).ok());
  Deletions deletions = ReadDeletions(cluster()).value();
  ASSERT_EQ(deletions.records.size(), 2u);
  EXPECT_TRUE(deletions.unreadable.empty());
  EXPECT_EQ(deletions.records[0].prune_id(), kId);
  EXPECT_EQ(deletions.records[1].backup_ids(0), kId);
  EXPECT_EQ(deletions.records[1].wal(0).last(), "000000010000000000000009");
  EXPECT_FALSE(deletions.records[1].host().empty());
  EXPECT_NE(deletions.records[1].at_us(), 0);
}

TEST_F(NoteStoreTest, ARecordOfDeletionsThatCannotBeReadIsNamed) {
  format::Deletion deletion;
  deletion.set_prune_id(kOther);
  ASSERT_TRUE(PutDeletion(cluster(), deletion).ok());
  Bytes object = Content(*cluster_.storage, cluster().names.Deletion(kOther));
  ASSERT_TRUE(cluster().storage.PutIfAbsent(cluster().names.Deletion(kId), object).ok());
  Deletions deletions = ReadDeletions(cluster()).value();
  EXPECT_EQ(deletions.records.size(), 1u);
  ASSERT_EQ(deletions.unreadable.size(), 1u);
  EXPECT_NE(deletions.unreadable[0].find(kId), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::repository
