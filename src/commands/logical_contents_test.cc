#include "commands/logical_contents.h"

#include <gtest/gtest.h>

#include <string>

#include "commands/testing/logical_backup.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

constexpr char kReadBackup[] = "20240101_020000-0001";

class LogicalContentsTest : public ::testing::Test {
 protected:
  LogicalContentsTest() {
    format::LogicalTable& table = *backup_.catalog.add_tables();
    table.set_oid(16384);
    table.set_schema("public");
    table.set_name("t");
    table.set_parts(2);
    table.set_bytes(long_.size() + 4);
    backup_.catalog.set_large_object_parts(1);
    backup_.catalog.set_large_object_page_bytes(2048);
    backup_.streams = {{"rows/16384/0", long_},
                       {"rows/16384/1", "1\n2\n"},
                       {"large_objects/0", ""},
                       {"schema.dump", "PGDMP"}};
  }

  Result<LogicalContents> Open() {
    manifest_ = testing::CommitLogical(*cluster_.access, kReadBackup, backup_);
    return LogicalContents::Open(*cluster_.access, manifest_);
  }
  void ExpectDamaged(const char* words) {
    Result<LogicalContents> opened = Open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.code(), Code::kDamaged);
    EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
  }

  static Result<std::string> Read(const LogicalContents& contents, const std::string& path) {
    ASSIGN_OR_RETURN(LogicalStream stream, contents.Find(path));
    LogicalStreamReader reader(contents, stream);
    std::string bytes;
    for (;;) {
      ASSIGN_OR_RETURN(ByteView piece, reader.Next());
      if (piece.empty()) return bytes;
      bytes += AsText(piece);
    }
  }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  // More than one leaf.
  const std::string long_ = ToString(repository::RandomContent(5'000'000, 1));
  testing::LogicalBackup backup_;
  format::Manifest manifest_;
};

TEST_F(LogicalContentsTest, StreamsComeBackByTheirPaths) {
  Result<LogicalContents> contents = Open();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(contents->catalog().tables(0).name(), "t");
  EXPECT_GT(contents->Find("rows/16384/0")->entry->leaf_count, 1u);
  for (const auto& [path, bytes] : backup_.streams) {
    Result<std::string> read = Read(*contents, path);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_TRUE(*read == bytes) << path;
  }
  EXPECT_EQ(contents->Find("rows/16384/2").code(), Code::kDamaged);
}

TEST_F(LogicalContentsTest, APhysicalBackupIsNoSuchThing) {
  ASSERT_TRUE(Open().ok());
  manifest_.set_method(format::Manifest::PHYSICAL);
  EXPECT_EQ(LogicalContents::Open(*cluster_.access, manifest_).code(), Code::kUsage);
}

TEST_F(LogicalContentsTest, AMissingPartIsDamage) {
  backup_.streams.erase("rows/16384/1");
  ExpectDamaged("names 2 parts of rows/16384 (public.t), and the backup holds others");
}

TEST_F(LogicalContentsTest, MissingLargeObjectsAreDamage) {
  backup_.streams.erase("large_objects/0");
  ExpectDamaged("names 1 parts of large_objects, and the backup holds others");
}

TEST_F(LogicalContentsTest, AnotherSizeThanTheCatalogSaysIsDamage) {
  backup_.streams["rows/16384/1"] += "3\n";
  ExpectDamaged(" bytes of rows/16384 (public.t), and the backup holds ");
}

TEST_F(LogicalContentsTest, RowsThatTheCatalogDoesNotKnowAreDamage) {
  backup_.streams["rows/16385/0"] = "";
  ExpectDamaged("holds rows/16385, of which its catalog says nothing");
}

TEST_F(LogicalContentsTest, APartThatTheCatalogDoesNotKnowIsDamage) {
  backup_.streams["rows/16384/2"] = "";
  ExpectDamaged("names 2 parts of rows/16384 (public.t), and the backup holds others");
}

TEST_F(LogicalContentsTest, APathThatNoRowsHaveIsDamage) {
  backup_.streams["rows/16384/01"] = "";
  ExpectDamaged("holds rows/16384/01, which no backup of a database has");
}

TEST_F(LogicalContentsTest, ATableThatIsThereTwiceIsDamage) {
  *backup_.catalog.add_tables() = backup_.catalog.tables(0);
  ExpectDamaged("names 2 parts of rows/16384 (public.t), and the backup holds others");
}

TEST_F(LogicalContentsTest, ATableWithoutPartsIsDamage) {
  backup_.catalog.mutable_tables(0)->set_parts(0);
  ExpectDamaged("names no part of rows/16384 (public.t)");
}

TEST_F(LogicalContentsTest, PagesOfAnImpossibleSizeAreDamage) {
  backup_.catalog.set_large_object_page_bytes(0);
  ExpectDamaged("an impossible size");
}

TEST_F(LogicalContentsTest, ACatalogThatCannotBeReadIsDamage) {
  backup_.streams["catalog"] = "\xff";
  manifest_ = testing::CommitStreams(*cluster_.access, kReadBackup, backup_.streams);
  EXPECT_EQ(LogicalContents::Open(*cluster_.access, manifest_).code(), Code::kDamaged);
}

TEST_F(LogicalContentsTest, AnotherNumberOfStreamsThanTheManifestSaysIsDamage) {
  ASSERT_TRUE(Open().ok());
  manifest_.set_stream_count(manifest_.stream_count() + 1);
  EXPECT_EQ(LogicalContents::Open(*cluster_.access, manifest_).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::commands
