// Pages that fail their checksum, from backup to backup.
#include <gtest/gtest.h>

#include <memory>

#include "commands/testing/directory_backups.h"
#include "format/checkpoint.pb.h"
#include "postgres/page_checksum.h"
#include "repository/map/map_leaf.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;
using repository::RandomContent;
using testing::DirectoryBackup;
using testing::DirectoryBackupOptions;
using testing::DirectoryBackups;

using Made = std::shared_ptr<DirectoryBackup>;

class BadPagesTest : public ::testing::Test {
 protected:
  static constexpr char kPath[] = "base/5/16384";
  static constexpr uint32_t kPages = 300;

  BadPagesTest() {
    Bytes relation;
    for (uint32_t block = 0; block < kPages; ++block) Append(relation, Page(block, 10, block));
    backups_.Write(kPath, relation);
    options_.data_checksums = true;
  }

  static Bytes Page(uint32_t block, uint64_t lsn, uint64_t seed) {
    Bytes page = RandomContent(kUnitBytes, seed);
    StoreLe<uint32_t>(page.data(), static_cast<uint32_t>(lsn >> 32));
    StoreLe<uint32_t>(page.data() + 4, static_cast<uint32_t>(lsn));
    StoreLe<uint16_t>(page.data() + 8, postgres::PageChecksum(page.data(), block));
    return page;
  }

  void PlantBadPage(uint32_t block, uint64_t lsn) {
    Bytes page = Page(block, lsn, 99);
    page[5000] ^= 1;
    backups_.WriteInto(kPath, uint64_t{block} * kUnitBytes, page);
  }

  Made BackupFrom(uint64_t start, uint64_t insert) {
    options_.start = {start};
    options_.insert_position = {insert};
    return Backup(options_);
  }

  Made Backup(const DirectoryBackupOptions& options) {
    Result<Made> made = backups_.Backup(options);
    EXPECT_TRUE(made.ok()) << made.error().message;
    return made.ok() ? *made : std::make_shared<DirectoryBackup>();
  }

  DirectoryBackups backups_;
  DirectoryBackupOptions options_;
};

TEST_F(BadPagesTest, ABadPageIsReportedAgainByEveryBackupUntilItIsGone) {
  EXPECT_EQ(BackupFrom(1000, 1000)->findings.bad_count(), 0u);
  PlantBadPage(7, 10);
  for (int i = 0; i < 3; ++i) {
    Made bad = BackupFrom(2000, 2000);
    ASSERT_EQ(bad->findings.bad_count(), 1u) << i;
    EXPECT_EQ(bad->findings.bad_pages()[0].block, 7u);
    Result<testing::FileHashes> restored = backups_.Restore(*bad);
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    EXPECT_EQ(*restored, bad->files);
  }
  backups_.WriteInto(kPath, 7 * kUnitBytes, Page(7, 11, 5));
  EXPECT_EQ(BackupFrom(3000, 3000)->findings.bad_count(), 0u);
}

TEST_F(BadPagesTest, APageThatWalWasToRepairIsCheckedByTheNextBackup) {
  // Its LSN lies within the first backup, whose WAL brings the whole page again. Nothing repairs it
  // in a backup that starts later.
  PlantBadPage(7, 1500);
  EXPECT_EQ(BackupFrom(1000, 2000)->findings.bad_count(), 0u);
  options_.rules.reason = CompareReason::kAsked;
  EXPECT_EQ(BackupFrom(4000, 4000)->findings.bad_count(), 1u);
}

TEST_F(BadPagesTest, PagesThatWereCheckedAreNotCheckedAgain) {
  (void)BackupFrom(1000, 1000);
  backups_.WriteInto(kPath, 7 * kUnitBytes, Page(7, 1100, 5));
  Made second = BackupFrom(2000, 2000);
  EXPECT_EQ(second->findings.bad_count(), 0u);
  EXPECT_EQ(second->findings.checked(), 1u);
}

TEST_F(BadPagesTest, ABadPageThatARunMetBeforeItEndedEarlyIsReportedByTheOneThatGoesOn) {
  // Nobody was told: the report ended with the run.
  (void)BackupFrom(1000, 1000);
  PlantBadPage(7, 10);
  Made ended = BackupFrom(2000, 2000);
  ASSERT_EQ(ended->findings.bad_count(), 1u);
  const format::Checkpoint checkpoint = backups_.AsCheckpoint(*ended);
  ASSERT_TRUE(backups_.storage().Delete(backups_.cluster().names.Manifest(ended->id)).ok());
  options_.change_map = [&](PreviousMap& map) { ASSERT_TRUE(map.AddCheckpoint(checkpoint).ok()); };
  for (bool full : {false, true}) {
    options_.full = full;
    Made resumed = BackupFrom(3000, 3000);
    EXPECT_EQ(resumed->copied.units.stored, 0u) << "it goes on from what is stored";
    ASSERT_EQ(resumed->findings.bad_count(), 1u) << "full " << full;
    EXPECT_EQ(resumed->findings.bad_pages()[0].block, 7u);
  }
}

}  // namespace
}  // namespace pgcairn::commands
