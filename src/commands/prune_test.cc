#include "commands/prune.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "commands/testing/small_repository.h"
#include "commands/verify.h"
#include "repository/damaged/damaged_store.h"
#include "repository/manifest/manifest_store.h"
#include "repository/notes/note_store.h"
#include "repository/prune/trash.h"

namespace pgcairn::commands {
namespace {

using testing::SmallRepository;

constexpr char kFirst[] = "20240101_020000-0001";
constexpr char kSecond[] = "20240102_020000-0002";

class PruneTest : public ::testing::Test {
 protected:
  PruneTest() {
    // Every rule off: only what must stay does.
    settings_.retention = {0, 0, 0};
    settings_.policies = {{0, 0, 0, 0}, {0, 0}, {0, 0}};
    settings_.prune.max_share = 50;
  }

  Result<PruneReport> Prune(const PruneOptions& options = {}) {
    return PruneCluster(settings_, repository_.cluster(), options);
  }
  std::string Manifest(const std::string& id) const {
    return repository_.cluster().names.Manifest(id);
  }
  std::vector<std::string> Ids() const { return *repository::ListBackupIds(repository_.cluster()); }
  static const BackupVerdict& Verdict(const PruneReport& report, const std::string& id) {
    auto found = std::ranges::find(report.backups, id, &BackupVerdict::id);
    CHECK(found != report.backups.end());
    return *found;
  }

  SmallRepository repository_;
  config::Settings settings_;
};

TEST_F(PruneTest, WhatNoRuleKeepsGoesAndTheRestIsWhole) {
  auto before = testing::RestoreTree(repository_.storage(), kSecond);
  ASSERT_TRUE(before.ok()) << before.error().message;
  Result<PruneReport> report = Prune();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Ids(), std::vector<std::string>{kSecond});
  EXPECT_FALSE(Verdict(*report, kFirst).keep);
  EXPECT_TRUE(Verdict(*report, kSecond).keep);
  EXPECT_GT(report->packs, 0u);
  EXPECT_EQ(report->orphan_packs, 0u);
  EXPECT_FALSE(repository_.storage()->Stat(repository_.WalObject(1, 3)).ok());
  EXPECT_TRUE(repository_.storage()->Stat(repository_.WalObject(1, 5)).ok());
  auto after = testing::RestoreTree(repository_.storage(), kSecond);
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_EQ(*before, *after);
  Result<VerifyReport> verified = VerifyStored(repository_.storage(), "main", {}, {});
  ASSERT_TRUE(verified.ok()) << verified.error().message;
  EXPECT_TRUE(verified->good());
  EXPECT_TRUE(verified->warnings.empty()) << verified->warnings.front();
  EXPECT_EQ(verified->orphan_packs, 0u);
}

TEST_F(PruneTest, WhatAnotherPruneIsAboutToDeleteIsNotTheGoodOneThatStays) {
  repository::TrashList trash;
  trash.backup_ids = {kSecond};
  ASSERT_TRUE(
      repository::PutTrash(repository_.cluster(), "20240105_000000-0009", Timestamp::Now(), trash)
          .ok());
  PruneOptions options;
  options.backups = {kFirst};
  options.max_share = 100;
  Result<PruneReport> report = Prune(options);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.code(), Code::kRefused);
  EXPECT_NE(report.error().message.find(kFirst), std::string::npos) << report.error().message;
  EXPECT_EQ(Ids().size(), 2u);
}

// The newest one would be all that is kept, and its restore would fail.
TEST_F(PruneTest, ABackupThatNeedsADamagedPackIsNotTheGoodOne) {
  Result<repository::StoredManifest> newest =
      repository::ReadManifest(repository_.cluster(), kSecond);
  ASSERT_TRUE(newest.ok());
  auto needed = repository::ReadReferences(repository_.cluster(), newest->manifest);
  Result<repository::StoredManifest> older =
      repository::ReadManifest(repository_.cluster(), kFirst);
  ASSERT_TRUE(older.ok());
  auto shared = repository::ReadReferences(repository_.cluster(), older->manifest);
  ASSERT_TRUE(needed.ok() && shared.ok());
  auto own = std::ranges::find_if(*needed, [&](const repository::StoredPack& pack) {
    return std::ranges::find(*shared, pack.sha256, &repository::StoredPack::sha256) ==
           shared->end();
  });
  ASSERT_NE(own, needed->end());
  ASSERT_TRUE(repository::RecordDamagedPack(*repository_.storage(), repository_.cluster().names,
                                            own->sha256, format::DamagedPack::ABSENT)
                  .ok());
  Result<PruneReport> report = Prune();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_TRUE(Verdict(*report, kFirst).keep);
  EXPECT_EQ(Ids().front(), kFirst);
  PruneOptions options;
  options.backups = {kFirst};
  Result<PruneReport> refused = Prune(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kRefused) << refused.error().message;
}

TEST_F(PruneTest, ADryRunSaysTheSameAndChangesNothing) {
  std::vector<std::string> before = repository_.Objects();
  PruneOptions options;
  options.dry_run = true;
  Result<PruneReport> dry = Prune(options);
  ASSERT_TRUE(dry.ok()) << dry.error().message;
  EXPECT_EQ(repository_.Objects(), before);
  EXPECT_TRUE(dry->refusals.empty());
  Result<PruneReport> done = Prune();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(dry->packs, done->packs);
  EXPECT_EQ(dry->pack_bytes, done->pack_bytes);
  EXPECT_EQ(dry->wal_files, done->wal_files);
  EXPECT_EQ(dry->wal_bytes, done->wal_bytes);
}

TEST_F(PruneTest, TooLargeAShareIsRefusedUnlessItIsAllowed) {
  settings_.prune.max_share = 49;
  std::vector<std::string> before = repository_.Objects();
  Result<PruneReport> refused = Prune();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kRefused);
  EXPECT_EQ(repository_.Objects(), before) << "neither lease nor trash is left";
  PruneOptions options;
  options.dry_run = true;
  Result<PruneReport> dry = Prune(options);
  ASSERT_TRUE(dry.ok());
  ASSERT_EQ(dry->refusals.size(), 1u);
  options = {};
  options.max_share = 50;
  EXPECT_TRUE(Prune(options).ok());
  EXPECT_EQ(Ids(), std::vector<std::string>{kSecond});
}

TEST_F(PruneTest, ANamedBackupGoesAlone) {
  settings_ = config::Settings();
  PruneOptions options;
  options.backups = {"backup_20240101_020000"};
  Result<PruneReport> report = Prune(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Ids(), std::vector<std::string>{kSecond});
  EXPECT_EQ(report->wal_files, 0u);
  EXPECT_TRUE(repository_.storage()->Stat(repository_.WalObject(1, 3)).ok());
}

TEST_F(PruneTest, TheNewestGoodBackupCannotBeNamed) {
  PruneOptions options;
  options.max_share = 100;
  options.backups = {"latest"};
  EXPECT_EQ(Prune(options).code(), Code::kRefused);
  options.backups = {kFirst, kSecond};
  EXPECT_EQ(Prune(options).code(), Code::kRefused);
  EXPECT_EQ(Ids().size(), 2u);
}

TEST_F(PruneTest, APinnedBackupStaysAndCannotBeNamed) {
  format::BackupNote note;
  note.set_pinned(true);
  ASSERT_TRUE(repository::PutNote(repository_.cluster(), kFirst, note).ok());
  ASSERT_TRUE(Prune().ok());
  EXPECT_EQ(Ids().size(), 2u);
  PruneOptions options;
  options.backups = {kFirst};
  Result<PruneReport> refused = Prune(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kRefused);
}

// What it says may be that the backup is pinned.
TEST_F(PruneTest, ABackupWithANoteThatCannotBeReadStaysAndCannotBeNamed) {
  format::BackupNote note;
  note.set_note("of the auditors");
  ASSERT_TRUE(repository::PutNote(repository_.cluster(), kFirst, note).ok());
  const std::string name = repository_.cluster().names.Note(kFirst, 0);
  repository::Replace(*repository_.storage(), name, AsBytes("damaged"));
  ASSERT_TRUE(Prune().ok());
  EXPECT_EQ(Ids().size(), 2u);
  PruneOptions options;
  options.backups = {kFirst};
  Result<PruneReport> refused = Prune(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kRefused);
  EXPECT_NE(refused.error().message.find(name), std::string::npos) << refused.error().message;
  options.dry_run = true;
  Result<PruneReport> dry = Prune(options);
  ASSERT_TRUE(dry.ok()) << dry.error().message;
  EXPECT_EQ(dry->refusals.size(), 1u);
  EXPECT_EQ(Ids().size(), 2u);
}

TEST_F(PruneTest, APinHoldsABackupWhoseManifestCannotBeRead) {
  format::BackupNote note;
  note.set_pinned(true);
  ASSERT_TRUE(repository::PutNote(repository_.cluster(), kFirst, note).ok());
  Bytes manifest = repository::Content(*repository_.storage(), Manifest(kFirst));
  manifest.back() ^= 1;
  repository::Replace(*repository_.storage(), Manifest(kFirst), manifest);
  PruneOptions options;
  options.backups = {kFirst};
  Result<PruneReport> refused = Prune(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kRefused);
  EXPECT_NE(refused.error().message.find("pinned"), std::string::npos) << refused.error().message;
  note.set_pinned(false);
  ASSERT_TRUE(repository::PutNote(repository_.cluster(), kFirst, note).ok());
  Result<PruneReport> report = Prune(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Ids(), std::vector<std::string>{kSecond});
}

// Of fewer bytes than the start of a header, which the inventory looks at.
TEST_F(PruneTest, AManifestThatWasCutShortCanBeNamedSoThatPrunesGoOn) {
  repository::Replace(*repository_.storage(), Manifest(kFirst), AsBytes("PGCAIRNB"));
  Result<PruneReport> refused = Prune();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kRefused) << refused.error().message;
  EXPECT_NE(refused.error().hint.find(std::string("--backup=") + kFirst), std::string::npos);
  PruneOptions options;
  options.backups = {kFirst};
  Result<PruneReport> report = Prune(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Ids(), std::vector<std::string>{kSecond});
  EXPECT_TRUE(Prune().ok());
}

TEST_F(PruneTest, NotesOfADeletedBackupGoWithIt) {
  format::BackupNote note;
  note.set_note("kept for the auditors");
  ASSERT_TRUE(repository::PutNote(repository_.cluster(), kFirst, note).ok());
  ASSERT_TRUE(Prune().ok());
  EXPECT_TRUE(repository::ReadAllNotes(repository_.cluster())->empty());
}

TEST_F(PruneTest, ABackupFromTheFutureStopsItUntilItIsNamed) {
  constexpr char kFuture[] = "20990101_020000-0099";
  repository_.CommitSharing(kFuture, [](format::Manifest& manifest) {
    manifest.set_started_at_us(Timestamp::FromUnixSeconds(4'070'908'800).unix_us);
    manifest.set_stop_time_us(Timestamp::FromUnixSeconds(4'070'908'800).unix_us);
  });
  settings_.prune.max_share = 100;
  Result<PruneReport> refused = Prune();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kRefused);
  EXPECT_NE(refused.error().message.find(kFuture), std::string::npos);
  EXPECT_EQ(Ids().size(), 3u);
  // The next backup's id sorts after it, whatever the clock says by then.
  repository_.CommitSharing("20990101_020001-009a", [](format::Manifest&) {});
  PruneOptions options;
  options.backups = {kFuture};
  Result<PruneReport> named = Prune(options);
  ASSERT_TRUE(named.ok()) << named.error().message;
  EXPECT_EQ(Ids().size(), 3u);
  EXPECT_TRUE(Prune().ok());
}

}  // namespace
}  // namespace pgcairn::commands
