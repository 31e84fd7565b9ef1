#include "commands/restore_marker.h"

#include <gtest/gtest.h>

#include "postgres/backup_exclusions.h"
#include "storage/testing/scratch_directory.h"

namespace pgcairn::commands {
namespace {

class RestoreMarkerTest : public ::testing::Test {
 protected:
  storage::ScratchDirectory scratch_;
  const std::string data_ = scratch_.path();
  const std::string path_ = data_ + "/pgcairn.restoring";
};

TEST_F(RestoreMarkerTest, SaysWhichClusterAndBackup) {
  ASSERT_TRUE(WriteRestoreMarker(data_, {UINT64_MAX, "20240101_020000-0001"}).ok());
  Result<std::optional<RestoreMarker>> marker = ReadRestoreMarker(data_);
  ASSERT_TRUE(marker.ok() && marker->has_value());
  EXPECT_EQ((*marker)->system_identifier, UINT64_MAX);
  EXPECT_EQ((*marker)->backup_id, "20240101_020000-0001");
  ASSERT_TRUE(WriteRestoreMarker(data_, {7, "b"}).ok());
  EXPECT_EQ((*ReadRestoreMarker(data_))->system_identifier, 7u);
  ASSERT_TRUE(RemoveRestoreMarker(data_).ok());
  marker = ReadRestoreMarker(data_);
  EXPECT_TRUE(marker.ok() && !marker->has_value());
}

TEST_F(RestoreMarkerTest, OneThatDoesNotSayItIsDamaged) {
  for (const char* text :
       {"", "x", "pgcairn restore 1\n", "pgcairn restore 2\nsystem_identifier 7\n",
        "pgcairn restore 1\nsystem_identifier 7\n",
        "pgcairn restore 1\nsystem_identifier 7\nbackup_id b",
        "pgcairn restore 1\nsystem_identifier \nbackup_id b\n",
        "pgcairn restore 1\nsystem_identifier 7x\nbackup_id b\n",
        "pgcairn restore 1\nsystem_identifier 99999999999999999999\nbackup_id b\n"}) {
    ASSERT_TRUE(WriteFileDurably(path_, AsBytes(text)).ok());
    EXPECT_EQ(ReadRestoreMarker(data_).code(), Code::kDamaged) << text;
  }
}

TEST_F(RestoreMarkerTest, NoBackupTakesIt) {
  EXPECT_TRUE(postgres::IsFileLeftOut("pgcairn.restoring"));
  EXPECT_FALSE(postgres::IsFileLeftOut("base/pgcairn.restoring"));
}

TEST_F(RestoreMarkerTest, OnlyOneRestoreHasTheDirectory) {
  {
    Result<UniqueFd> first = LockForRestore(data_);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(LockForRestore(data_).code(), Code::kRefused);
  }
  EXPECT_TRUE(LockForRestore(data_).ok());
}

}  // namespace
}  // namespace pgcairn::commands
