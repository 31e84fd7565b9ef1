#include "postgres/dump_archive.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/client_programs.h"
#include "postgres/connection.h"
#include "postgres/program_run.h"
#include "postgres/testing/scratch_cluster.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

// As WriteInt and WriteStr of pg_backup_archiver.c write.
void PutNumber(Bytes& out, int64_t number) {
  out.push_back(number < 0 ? 1 : 0);
  AppendLe<uint32_t>(out, static_cast<uint32_t>(number < 0 ? -number : number));
}
void PutText(Bytes& out, std::string_view text) {
  PutNumber(out, static_cast<int64_t>(text.size()));
  Append(out, AsBytes(text));
}

struct Made {
  uint8_t major = 1;
  uint8_t minor = 14;
  uint8_t number_bytes = 4;
  uint8_t format = 1;
  int64_t section = 2;
  int64_t count = 1;
};

// An archive with one item, of which the directory format has the same but for its last field.
Bytes Archive(const Made& made, bool directory) {
  Bytes out = ToBytes(AsBytes("PGDMP"));
  for (uint8_t byte : {made.major, made.minor, uint8_t{0}, made.number_bytes, uint8_t{8}}) {
    out.push_back(byte);
  }
  out.push_back(directory ? 3 : made.format);
  if (made.minor >= 15) {
    out.push_back(0);
  } else {
    PutNumber(out, 0);
  }
  for (int64_t number : {1, 2, 3, 4, 5, 126, -1}) PutNumber(out, number);
  for (const char* text : {"app", "15.14", "15.14 (Debian)"}) PutText(out, text);
  PutNumber(out, made.count);
  PutNumber(out, 217);
  PutNumber(out, 0);
  for (const char* text : {"1259", "16385", "or\nders", "TABLE"}) PutText(out, text);
  PutNumber(out, made.section);
  PutText(out, "CREATE TABLE ...;\n");
  PutText(out, "");
  PutNumber(out, -1);
  for (const char* text : {"public", "", "heap"}) PutText(out, text);
  if (made.minor >= 16) PutNumber(out, 'p');
  for (const char* text : {"owner", "false", "7", "8"}) PutText(out, text);
  PutNumber(out, -1);
  if (directory) {
    PutText(out, "");
  } else {
    out.push_back(1);
    AppendLe<uint64_t>(out, 0);
  }
  return out;
}

TEST(DumpArchive, IsWrittenAsADirectoryHasIt) {
  for (uint8_t minor : {uint8_t{14}, uint8_t{15}, uint8_t{16}}) {
    Made made;
    made.minor = minor;
    auto archive = ReadDumpArchive(Archive(made, false));
    ASSERT_TRUE(archive.ok()) << archive.error().message;
    ASSERT_EQ(archive->items.size(), 1U);
    const ArchiveItem& item = archive->items[0];
    EXPECT_EQ(item.id, 217U);
    EXPECT_EQ(item.catalog, 1259U);
    EXPECT_EQ(item.oid, 16385U);
    EXPECT_EQ(item.tag, "or\nders");
    EXPECT_EQ(item.kind, "TABLE");
    EXPECT_EQ(item.section, ArchiveSection::kPreData);
    EXPECT_EQ(item.drop, "");
    EXPECT_EQ(item.copy, std::nullopt);
    EXPECT_EQ(item.relation_kind, minor >= 16 ? uint32_t{'p'} : 0U);
    EXPECT_EQ(item.needs, (std::vector<uint32_t>{7, 8}));
    EXPECT_EQ(DirectoryContents(*archive), Archive(made, true)) << int{minor};
  }
}

TEST(DumpArchive, AnotherVersionIsUnsupported) {
  for (Made made :
       {Made{.major = 2}, Made{.minor = 13}, Made{.minor = 17}, Made{.number_bytes = 8}}) {
    EXPECT_EQ(ReadDumpArchive(Archive(made, false)).code(), Code::kUnsupported);
  }
}

TEST(DumpArchive, WhatIsNoArchiveIsDamaged) {
  const Bytes whole = Archive({}, false);
  for (size_t size = 0; size < whole.size(); ++size) {
    auto cut = ReadDumpArchive(ByteView(whole).first(size));
    ASSERT_FALSE(cut.ok()) << size;
  }
  for (const Made& made : {Made{.format = 3}, Made{.section = 0}, Made{.section = 5},
                           Made{.count = -1}, Made{.count = 2}, Made{.count = 1'000'000'000}}) {
    EXPECT_EQ(ReadDumpArchive(Archive(made, false)).code(), Code::kDamaged);
  }
}

// What pg_dump itself writes as a directory.
TEST(DumpArchive, IsToTheByteWhatPgDumpWrites) {
  auto cluster = testing::ScratchCluster::Create();
  ASSERT_TRUE(cluster.ok()) << cluster.error().message;
  ASSERT_TRUE((*cluster)->Start().ok());
  ASSERT_TRUE((*cluster)
                  ->Sql("CREATE TABLE a (id serial PRIMARY KEY, t text DEFAULT 'x'); CREATE VIEW v "
                        "AS SELECT * FROM a; COMMENT ON TABLE a IS 'it''s'")
                  .ok());
  auto pg_dump = FindClientProgram("pg_dump", 15, "");
  ASSERT_TRUE(pg_dump.ok()) << pg_dump.error().message;
  auto connection = Connection::Open((*cluster)->ConnectionString(), "pgcairn test");
  ASSERT_TRUE(connection.ok());
  Bytes custom;
  auto dump = [&](std::vector<std::string> more) {
    ProgramRun run;
    run.program = pg_dump->path;
    run.arguments = {"--schema-only", "--compress=0"};
    run.arguments.insert(run.arguments.end(), more.begin(), more.end());
    run.environment = connection->EnvironmentForPrograms();
    return RunProgram(run, [&](ByteView piece) {
      Append(custom, piece);
      return Status();
    });
  };
  const std::string folder = ::testing::TempDir() + "/dump_archive_test.dir";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(dump({"--format=custom"}).ok());
  Status written = dump({"--format=directory", "--file=" + folder});
  ASSERT_TRUE(written.ok()) << written.error().message;
  auto expected = ReadFile(folder + "/toc.dat", uint64_t{1} << 20);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(expected.ok());
  auto archive = ReadDumpArchive(custom);
  ASSERT_TRUE(archive.ok()) << archive.error().message;
  ASSERT_GT(archive->items.size(), 5U);
  // The second may be another one: seconds and minutes are numbers behind the magic, the versions
  // and the compression.
  Bytes ours = DirectoryContents(*archive);
  ASSERT_EQ(ours.size(), expected->size());
  constexpr size_t kMomentAt = 5 + 6 + 5;
  for (size_t at = kMomentAt; at < kMomentAt + size_t{7} * 5; ++at) ours[at] = (*expected)[at];
  EXPECT_EQ(ours, *expected);
}

}  // namespace
}  // namespace pgcairn::postgres
