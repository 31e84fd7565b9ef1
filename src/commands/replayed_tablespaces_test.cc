#include "commands/replayed_tablespaces.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "postgres/control_file.h"
#include "postgres/testing/control_file_samples.h"
#include "postgres/wal/testing/wal_builder.h"
#include "postgres/wal/wal_summary.h"
#include "repository/testing/memory_cluster.h"
#include "repository/wal_store/wal_store.h"
#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

namespace fs = std::filesystem;
using postgres::Lsn;
using postgres::TablespaceCreation;
using postgres::testing::WalBuilder;

Bytes ControlOfVersion15() {
  Bytes control = *FromHex(postgres::testing::kControlFileSamples[2].hex);
  control.resize(postgres::kControlFileSize);
  return control;
}

class PrepareReplayed : public ::testing::Test {
 protected:
  PrepareReplayed() {
    places_.data_directory = At("data");
    fs::create_directories(At("data/pg_tblspc"));
    fs::create_directories(At("data/global"));
    const Bytes control = ControlOfVersion15();
    manifest_.set_control_file(ToString(control));
    CHECK(WriteFileDurably(At("data/global/pg_control"), control).ok());
    version_ = postgres::TablespaceVersionDirectory(*postgres::ParseControlFile(control));
    manifest_.set_stop_lsn(0x2000100);
    Hold(16'400, At("held"), At("held"));
  }

  std::string At(const std::string& name) const { return scratch_.path() + "/" + name; }
  void Hold(uint32_t oid, const std::string& origin, const std::string& place) {
    format::Tablespace* added = manifest_.add_tablespaces();
    added->set_oid(oid);
    added->set_location(origin);
    places_.tablespace_locations[oid] = place;
  }
  // As a server with a database in it does.
  void Use(const std::string& name) const {
    CHECK(MakeDirectories(At(name) + "/" + version_ + "/5").ok());
  }
  Status Prepare(uint32_t oid, const std::string& location, uint64_t start = 0x3000060) const {
    return PrepareReplayedTablespaces({{oid, location, Lsn{start}}}, manifest_, places_);
  }

  storage::ScratchDirectory scratch_;
  format::Manifest manifest_;
  RestorePlaces places_;
  std::string version_;
};

TEST_F(PrepareReplayed, AnAbsentPlaceIsMadeForTheServerAlone) {
  ASSERT_TRUE(Prepare(16'401, At("new/space")).ok());
  struct stat info {};
  ASSERT_EQ(::stat(At("new/space").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
  EXPECT_TRUE(Prepare(16'401, At("new/space")).ok());
}

TEST_F(PrepareReplayed, APlaceThatIsUsedIsRefusedAndTheWayOutNamed) {
  Use("used");
  ASSERT_TRUE(WriteFileDurably(At("file"), {}).ok());
  fs::create_symlink(At("used"), At("link"));
  for (const char* name : {"used", "file", "link"}) {
    Status refused = Prepare(16'401, At(name));
    ASSERT_EQ(refused.code(), Code::kRefused) << name;
    EXPECT_NE(refused.error().message.find(At(name)), std::string::npos);
    EXPECT_NE(refused.error().hint.find("--lsn=0/3000060 --exclusive"), std::string::npos);
  }
  // Before the backup is consistent nothing can stop.
  Status early = Prepare(16'401, At("used"), 0x2000090);
  ASSERT_EQ(early.code(), Code::kRefused);
  EXPECT_EQ(early.error().hint.find("--lsn"), std::string::npos);
}

TEST_F(PrepareReplayed, WhatRecoveryDoesNotTouchMayBeThere) {
  ASSERT_TRUE(MakeDirectories(At("disk/lost+found")).ok());
  ASSERT_TRUE(MakeDirectories(At("disk/PG_14_202107181/5")).ok());
  ASSERT_TRUE(MakeDirectories(At("disk/") + version_).ok());
  EXPECT_TRUE(Prepare(16'401, At("disk")).ok());
}

TEST_F(PrepareReplayed, APlaceThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(WriteFileDurably(At("nowhere"), {}).ok());
  Status failed = Prepare(16'401, At("nowhere/deep/space"));
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find(At("nowhere")), std::string::npos);
}

TEST_F(PrepareReplayed, NothingIsMadeWhenOneIsRefused) {
  Use("used");
  ASSERT_EQ(PrepareReplayedTablespaces(
                {{16'401, At("first"), Lsn{0x3000060}}, {16'402, At("used"), Lsn{0x3000090}}},
                manifest_, places_)
                .code(),
            Code::kRefused);
  EXPECT_FALSE(Exists(At("first")));
}

TEST_F(PrepareReplayed, WhatTheTargetHoldsItselfIsItsOwn) {
  Use("used");
  Use("held");
  fs::create_symlink(At("used"), At("data/pg_tblspc/16402"));
  EXPECT_TRUE(Prepare(16'402, At("used")).ok());
  EXPECT_TRUE(Prepare(16'400, At("held")).ok());
  // Dropped and made again at the same place.
  EXPECT_TRUE(Prepare(16'403, At("held")).ok());
}

TEST_F(PrepareReplayed, WhereAMovedTablespaceWasIsNotTheTargetsOwn) {
  Use("origin");
  Hold(16'404, At("origin"), At("moved"));
  fs::create_symlink(At("origin"), At("data/pg_tblspc/16404"));
  EXPECT_EQ(Prepare(16'405, At("origin")).code(), Code::kRefused);
  Status shared = Prepare(16'405, At("moved"));
  ASSERT_EQ(shared.code(), Code::kRefused);
  EXPECT_NE(shared.error().message.find("16404"), std::string::npos);
}

TEST_F(PrepareReplayed, OneThatIsMovedWouldBeMovedBack) {
  Status refused = Prepare(16'400, At("its old place"));
  ASSERT_EQ(refused.code(), Code::kRefused);
  EXPECT_NE(refused.error().message.find("move it back"), std::string::npos);
  EXPECT_FALSE(Exists(At("its old place")));
}

TEST_F(PrepareReplayed, ATrialRefusesAny) {
  EXPECT_TRUE(RefuseReplayedTablespaces({}, manifest_).ok());
  Status refused = RefuseReplayedTablespaces({{16'401, At("absent"), Lsn{0x3000060}}}, manifest_);
  ASSERT_EQ(refused.code(), Code::kRefused);
  EXPECT_NE(refused.error().message.find(At("absent")), std::string::npos);
}

// Three segments of 1 MiB with a tablespace in each, one of them across an end, and one that lies
// in the data directory.
class FindReplayed : public ::testing::TestWithParam<bool> {
 protected:
  FindReplayed() : wal_(*cluster_.access, 0x5EED) {
    builder_.AddTablespace(16'399, "/before/the backup");
    first_ = builder_.AddTablespace(16'400, "/mnt/a");
    builder_.AddTablespace(16'390, "");
    builder_.FillSegmentUpTo(16);
    across_ = builder_.AddTablespace(16'401, "/mnt/b");
    builder_.FillSegmentUpTo(4096);
    builder_.AddOther(8192);
    last_ = builder_.AddTablespace(16'402, "/mnt/c");
    for (uint64_t number = 3; number <= 5; ++number) Push(number);
  }

  void Push(uint64_t number) {
    const Bytes segment = builder_.Segment(number - 3);
    auto describe = [&]() -> Result<format::WalInfo> {
      format::WalInfo info;
      if (!GetParam()) return info;
      ASSIGN_OR_RETURN(postgres::WalSegmentSummary summary, postgres::SummarizeWal(segment));
      for (const TablespaceCreation& creation : summary.tablespaces) {
        format::TablespaceCreation& added = *info.mutable_summary()->add_tablespaces();
        added.set_oid(creation.oid);
        added.set_location(creation.location);
        added.set_lsn(creation.start.value);
      }
      info.mutable_summary()->set_tail_incomplete(summary.tail_incomplete);
      return info;
    };
    const std::string name =
        postgres::WalSegmentName({postgres::TimelineId{1}, number}, postgres::kWalSegmentBytesMin);
    CHECK(wal_.Push(name, {segment, segment.size()}, describe, 1).ok());
  }

  std::vector<TablespaceCreation> Find(std::optional<Lsn> before) {
    Result<Archive> archive = Archive::Read(wal_, postgres::kWalSegmentBytesMin);
    CHECK(archive.ok());
    const WalRun run{postgres::TimelineId{1}, 3, 5, first_, first_};
    auto found = FindReplayedTablespaces(*archive, run, before);
    CHECK(found.ok());
    return *found;
  }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  repository::WalStore wal_;
  WalBuilder builder_;
  Lsn first_, across_, last_;
};

TEST_P(FindReplayed, NamesThoseOfTheRunInTheOrderOfTheLog) {
  EXPECT_EQ(Find(std::nullopt), (std::vector<TablespaceCreation>{{16'400, "/mnt/a", first_},
                                                                 {16'401, "/mnt/b", across_},
                                                                 {16'402, "/mnt/c", last_}}));
}

TEST_P(FindReplayed, EndsBeforeTheRecordWhereRecoveryEnds) {
  EXPECT_EQ(Find(last_).size(), 2U);
  EXPECT_EQ(Find(Lsn{last_.value + 1}).size(), 3U);
  EXPECT_EQ(Find(Lsn{across_.value + 1}).size(), 2U);
  EXPECT_EQ(Find(across_).size(), 1U);
  EXPECT_TRUE(Find(first_).empty());
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutSummaries, FindReplayed, ::testing::Bool());

}  // namespace
}  // namespace pgcairn::commands
