#include "commands/stop_search.h"

#include <gtest/gtest.h>

#include "postgres/wal/testing/wal_builder.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

using postgres::Lsn;
using postgres::testing::WalBuilder;

constexpr uint64_t kFirstSegment = 3;
constexpr uint32_t kSegmentOfTheLog = postgres::kWalSegmentBytesMin;

// Archived segments without summaries, from the third on.
class LastRecordTest : public ::testing::Test {
 protected:
  LastRecordTest() : wal_(*cluster_.access, 0x5EED) { first_ = builder_.AddCommit(700, 1); }

  std::optional<Lsn> FindIn(uint64_t segments, Lsn consistent_at) {
    for (uint64_t index = 0; index < segments; ++index) {
      const Bytes segment = builder_.Segment(index);
      const std::string name = postgres::WalSegmentName(
          {postgres::TimelineId{1}, kFirstSegment + index}, kSegmentOfTheLog);
      auto nothing = [] { return Result<format::WalInfo>(format::WalInfo()); };
      CHECK(wal_.Push(name, {segment, segment.size()}, nothing, 1).ok());
    }
    Result<Archive> archive = Archive::Read(wal_, kSegmentOfTheLog);
    CHECK(archive.ok());
    const WalRun run{postgres::TimelineId{1}, kFirstSegment, kFirstSegment + segments - 1, first_,
                     consistent_at};
    auto found = FindLastRecord(*archive, run);
    CHECK(found.ok());
    return *found;
  }
  std::optional<Lsn> FindIn(uint64_t segments) { return FindIn(segments, first_); }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  repository::WalStore wal_;
  WalBuilder builder_;
  Lsn first_;
};

TEST_F(LastRecordTest, IsTheLastOfTheLastSegment) {
  builder_.FillSegmentUpTo(4096);
  builder_.AddOther(8192);
  builder_.AddCommit(701, 2);
  const Lsn last = builder_.AddPoint("here", 3);
  EXPECT_EQ(FindIn(2), last);
}

TEST_F(LastRecordTest, OneWithoutItsEndDoesNotCount) {
  builder_.FillSegmentUpTo(4096);
  const Lsn whole = builder_.AddCommit(701, 2);
  builder_.AddOther(8192);
  EXPECT_EQ(FindIn(1), whole);
}

TEST_F(LastRecordTest, MayBeginInTheSegmentBeforeTheOneWhereItEnds) {
  builder_.FillSegmentUpTo(4096);
  const Lsn across = builder_.AddOther(8192);
  EXPECT_EQ(FindIn(2), across);
}

TEST_F(LastRecordTest, MayBeginTwoSegmentsBeforeItsEnd) {
  builder_.FillSegmentUpTo(4096);
  const Lsn across = builder_.AddOther(kSegmentOfTheLog + 65'536);
  EXPECT_EQ(FindIn(3), across);
}

TEST_F(LastRecordTest, OneOfTwoSegmentsWithoutItsEndDoesNotCount) {
  builder_.FillSegmentUpTo(4096);
  const Lsn whole = builder_.AddCommit(701, 2);
  builder_.AddOther(kSegmentOfTheLog + 65'536);
  EXPECT_EQ(FindIn(2), whole);
}

TEST_F(LastRecordTest, IsTheSwitchOfASegmentThatWasEnded) {
  builder_.AddCommit(701, 2);
  const Lsn end = builder_.Position();
  builder_.Switch();
  EXPECT_EQ(FindIn(1), end);
}

TEST_F(LastRecordTest, IsNoneBeforeTheRunIsConsistent) {
  builder_.FillSegmentUpTo(4096);
  const Lsn last = builder_.AddCommit(701, 2);
  EXPECT_EQ(FindIn(1, last), last);
  EXPECT_EQ(FindIn(1, Lsn{last.value + 1}), std::nullopt);
}

}  // namespace
}  // namespace pgcairn::commands
