#include "commands/log_demand.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "postgres/wal/testing/wal_builder.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

using postgres::Lsn;
using postgres::RelationId;
using postgres::testing::WalBuilder;

constexpr uint64_t kDemandFirst = 3;
constexpr uint32_t kDemandSegment = postgres::kWalSegmentBytesMin;
constexpr uint32_t kWanted = 16384;
constexpr uint32_t kOther = 5;
constexpr uint8_t kHeapRecords = 10;

// Archived segments, from the third on.
class LogDemandTest : public ::testing::Test {
 protected:
  LogDemandTest() : wal_(*cluster_.access, 0x5EED) { first_ = builder_.AddCommit(700, 1); }

  // A record about one block; `replaced`: it makes the page anew.
  Lsn Block(uint32_t database, uint32_t relation, uint32_t block, bool replaced,
            size_t more_bytes = 0) {
    Bytes rest;
    AppendLe(rest, uint8_t{0});
    AppendLe(rest, static_cast<uint8_t>(replaced ? 0x40 : 0));
    AppendLe(rest, uint16_t{0});
    for (uint32_t value : {1663U, database, relation, block}) AppendLe(rest, value);
    if (more_bytes > 0) {
      AppendLe(rest, uint8_t{254});
      AppendLe(rest, static_cast<uint32_t>(more_bytes));
      rest.resize(rest.size() + more_bytes, 0xEE);
    }
    return builder_.Add(kHeapRecords, 0, 700, rest);
  }
  void Copy(uint32_t to, uint32_t from) {
    Bytes data;
    for (uint32_t value : {to, 1663U, from, 1663U}) AppendLe(data, value);
    builder_.Add(4, 0x00, 700, postgres::testing::MainDataOnly(data));
  }

  LogDemand Read(uint64_t segments, std::optional<Lsn> stop = std::nullopt) {
    for (uint64_t index = 0; index < segments; ++index) {
      const Bytes segment = builder_.Segment(index);
      const std::string name =
          postgres::WalSegmentName({postgres::TimelineId{1}, kDemandFirst + index}, kDemandSegment);
      auto nothing = [] { return Result<format::WalInfo>(format::WalInfo()); };
      CHECK(wal_.Push(name, {segment, segment.size()}, nothing, 1).ok());
    }
    Result<Archive> archive = Archive::Read(wal_, kDemandSegment);
    CHECK(archive.ok());
    const WalRun run{postgres::TimelineId{1}, kDemandFirst, kDemandFirst + segments - 1, first_,
                     first_};
    Result<LogDemand> demand = ReadLogDemand(*archive, run, stop, kWanted);
    CHECK(demand.ok());
    return *demand;
  }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  repository::WalStore wal_;
  WalBuilder builder_;
  Lsn first_;
};

TEST_F(LogDemandTest, RelationsOfOtherDatabasesWithAPageThatIsChangedFirst) {
  Block(kWanted, 1, 7, false);
  Block(0, 2, 7, false);
  Block(kOther, 3, 7, false);
  Block(kOther, 4, 7, true);
  Block(kOther, 4, 7, false);
  const LogDemand demand = Read(1);
  EXPECT_EQ(demand.everything_because, "");
  EXPECT_EQ(demand.relations, std::set<RelationId>({{1663, kOther, 3}}));
}

TEST_F(LogDemandTest, WhatWasBeforeTheRedoDoesNotCount) {
  Block(kOther, 4, 7, true);
  first_ = builder_.AddCommit(701, 2);
  Block(kOther, 4, 7, false);
  EXPECT_EQ(Read(1).relations, std::set<RelationId>({{1663, kOther, 4}}));
}

TEST_F(LogDemandTest, RecordsOverTheEndsOfSegmentsAreRead) {
  builder_.FillSegmentUpTo(64);
  Block(kOther, 3, 7, false, 4096);
  builder_.FillSegmentUpTo(64);
  Block(kOther, 4, 7, false, kDemandSegment + 65'536);
  Block(kOther, 6, 7, false);
  const LogDemand demand = Read(4);
  EXPECT_EQ(demand.everything_because, "");
  EXPECT_EQ(demand.relations,
            std::set<RelationId>({{1663, kOther, 3}, {1663, kOther, 4}, {1663, kOther, 6}}));
}

TEST_F(LogDemandTest, SegmentsBehindTheStopAreNotRead) {
  const Lsn stop = Block(kOther, 3, 7, false);
  builder_.Switch();
  Block(kOther, 4, 7, false);
  Block(kOther, 4, 7, false);
  EXPECT_EQ(Read(2, stop).relations, std::set<RelationId>({{1663, kOther, 3}}));
}

TEST_F(LogDemandTest, ACopyOfFilesMattersToTheCopyAlone) {
  Copy(20000, kOther);
  Copy(kWanted, kWanted);
  EXPECT_EQ(Read(1).everything_because, "");
}

TEST_F(LogDemandTest, ADatabaseMadeOfAnothersFilesNeedsEverything) {
  Copy(kWanted, kOther);
  EXPECT_EQ(Read(1).everything_because, "the database was made as a copy of another one's files");
}

TEST_F(LogDemandTest, WithoutFullPagesEverythingIsNeeded) {
  builder_.Add(0, 0x80, 0, postgres::testing::MainDataOnly(Bytes{0}));
  EXPECT_EQ(Read(1).everything_because, "full_page_writes was off");
}

TEST_F(LogDemandTest, RecordsOfExtensionsNeedEverything) {
  builder_.Add(128, 0, 700, postgres::testing::MainDataOnly(Bytes(4)));
  EXPECT_EQ(Read(1).everything_because, "the log has records of an extension");
}

TEST_F(LogDemandTest, ALogThatEndsTooEarlyNeedsEverything) {
  builder_.FillSegmentUpTo(64);
  builder_.AddOther(4096);
  const uint64_t end = builder_.Position().value - builder_.base();
  builder_.FillSegmentUpTo(64);
  builder_.AddOther(4096);
  std::fill_n(builder_.log().begin() + static_cast<ptrdiff_t>(end), 9000, uint8_t{0});
  EXPECT_NE(Read(3).everything_because.find("cannot be read"), std::string::npos);
}

}  // namespace
}  // namespace pgcairn::commands
