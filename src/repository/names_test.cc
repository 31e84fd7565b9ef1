#include "repository/names.h"

#include <gtest/gtest.h>

#include <set>

#include "storage/storage.h"

namespace pgcairn::repository {
namespace {

TEST(BackupId, IsTheMomentInUtcAndFourRandomDigits) {
  Timestamp started = *ParseTimestamp("2024-01-31 02:03:04.999999");
  std::set<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    std::string id = *NewBackupId(started);
    EXPECT_TRUE(IsBackupId(id)) << id;
    EXPECT_EQ(id.substr(0, 16), "20240131_020304-");
    ids.insert(id);
  }
  EXPECT_GT(ids.size(), 10u);
}

TEST(BackupId, SortsAfterTheNewestWhateverTheClockSays) {
  Timestamp now = *ParseTimestamp("2024-01-31 02:03:04.5");
  EXPECT_EQ(SortingAfter(now, ""), now);
  EXPECT_EQ(SortingAfter(now, "20240131_020303-ffff"), now);
  EXPECT_EQ(SortingAfter(now, "20240131_020304-ffff"), *ParseTimestamp("2024-01-31 02:03:05"));
  EXPECT_EQ(SortingAfter(now, "20300101_000000-0000"), *ParseTimestamp("2030-01-01 00:00:01"));
}

TEST(BackupId, OtherTextsAreNone) {
  EXPECT_TRUE(IsBackupId("20240101_020000-00af"));
  for (const char* text :
       {"", "20240101_020000", "20240101_020000-", "20240101_020000-00a", "20240101_020000-00af0",
        "20240101_020000-00AF", "20240101-020000-00af", "2024010a_020000-00af",
        "20240101_020000_00af", "20240101_020000-00af.refs", "../../etc/passwd/aaaaa"}) {
    EXPECT_FALSE(IsBackupId(text)) << text;
  }
}

TEST(BackupId, ThePrefixIsFoundInAllFormsOfTheSeed) {
  for (const char* text : {"20240101_020000-00af", "20240101_020000", "backup_20240101_020000",
                           "backup_20240101_020000.sql.gz", "20240101_020000.sql.gz"}) {
    EXPECT_EQ(BackupIdPrefix(text), "20240101_020000") << text;
  }
  for (const char* text : {"", "latest", "backup_", "backup_20240101", "backup_20240101_02000",
                           "backup_2024x101_020000", "20240101_020000x", ".sql.gz"}) {
    EXPECT_EQ(BackupIdPrefix(text), std::nullopt) << text;
  }
}

TEST(ClusterName, HasTheCharactersOfTheSpecification) {
  EXPECT_TRUE(IsValidClusterName("main"));
  EXPECT_TRUE(IsValidClusterName("_a.B-9"));
  EXPECT_TRUE(IsValidClusterName(std::string(63, 'x')));
  for (const std::string& name :
       {std::string(), std::string(64, 'x'), std::string("."), std::string(".."),
        std::string(".hidden"), std::string("-x"), std::string("a/b"), std::string("a b"),
        std::string("\xc3\xa4"), std::string("a\0b", 3)}) {
    EXPECT_FALSE(IsValidClusterName(name)) << name;
  }
}

TEST(ClusterNames, OnlyThePackOfAHashHasItsName) {
  ClusterNames names("db1");
  crypto::Sha256Digest digest;
  digest.bytes.fill(0xac);
  const std::string name = names.Pack(digest);
  EXPECT_EQ(names.PackOf(name), digest);
  std::string upper = name;
  upper.back() = 'C';
  for (const std::string& other :
       {std::string(), upper, name + "0", name.substr(0, name.size() - 1),
        ClusterNames("db2").Pack(digest), names.DamagedPack(digest), digest.ToHex(),
        "clusters/db1/packs/ab/" + digest.ToHex()}) {
    EXPECT_EQ(names.PackOf(other), std::nullopt) << other;
  }
}

TEST(ClusterNames, AreThoseOfTheSpecification) {
  ClusterNames names("db1");
  AccessKeyId key;
  key.bytes.fill(0xab);
  crypto::Sha256Digest digest;
  digest.bytes.fill(0x0c);
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += "0c";
  EXPECT_EQ(names.Key(16, key), "clusters/db1/keys/00000010-abababababababab");
  EXPECT_EQ(names.Epoch(1), "clusters/db1/epochs/00000001");
  EXPECT_EQ(names.History(255), "clusters/db1/history/00000000000000ff");
  EXPECT_EQ(names.Pack(digest), "clusters/db1/packs/0c/" + hex);
  EXPECT_EQ(names.Manifest("x"), "clusters/db1/backups/x");
  EXPECT_EQ(names.References("x"), "clusters/db1/backups/x.refs");
  EXPECT_EQ(names.Lease("x"), "clusters/db1/leases/x");
  EXPECT_EQ(names.DamagedPack(digest), "clusters/db1/damaged/" + hex);
  EXPECT_EQ(names.Note("x", 10), "clusters/db1/notes/x/0000000a");
  EXPECT_EQ(names.Deletion("x"), "clusters/db1/notes/deleted/x");
  EXPECT_EQ(names.WalFile(1, "0000000100000002000000FF"),
            "clusters/db1/wal/0000000000000001/0000000100000002/0000000100000002000000FF");
  EXPECT_EQ(names.WalFile(1, "0000000100000002000000FF.partial"),
            "clusters/db1/wal/0000000000000001/0000000100000002/0000000100000002000000FF.partial");
  EXPECT_EQ(names.WalFile(1, "00000002.history"),
            "clusters/db1/wal/0000000000000001/history/00000002.history");
  EXPECT_TRUE(
      storage::IsValidObjectName(names.WalFile(1, "0000000100000002000000FF.00000028.backup")));
}

}  // namespace
}  // namespace pgcairn::repository
