#include "commands/archive.h"

#include <gtest/gtest.h>

#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

using postgres::TimelineId;
using postgres::WalSegment;

constexpr uint64_t kArchivedSegmentBytes = 16 << 20;
constexpr uint64_t kArchivedSystem = 7;

class ArchiveTest : public ::testing::Test {
 protected:
  void Push(const std::string& name, const std::string& text = "x") {
    ASSERT_TRUE(wal_.Push(
                        name, {AsBytes(text), text.size()}, [] { return format::WalInfo(); }, 1)
                    .ok());
  }
  void PushSegments(uint32_t timeline, std::initializer_list<uint64_t> numbers) {
    for (uint64_t number : numbers) {
      Push(postgres::WalSegmentName({{timeline}, number}, kArchivedSegmentBytes));
    }
  }
  Archive Read() {
    Result<Archive> archive = Archive::Read(wal_, kArchivedSegmentBytes);
    CHECK(archive.ok());
    return std::move(archive).value();
  }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  repository::WalStore wal_{*cluster_.access, kArchivedSystem};
};

TEST_F(ArchiveTest, AnEmptyArchiveHasNothing) {
  Archive archive = Read();
  EXPECT_TRUE(archive.Timelines().empty());
  EXPECT_TRUE(archive.Gaps().empty());
  EXPECT_EQ(*archive.OnPath({1}, 3), std::nullopt);
  EXPECT_EQ(*archive.LastOfRun({1}, 3), std::nullopt);
}

TEST_F(ArchiveTest, GapsLieBetweenSegmentsOfOneTimeline) {
  PushSegments(1, {3, 4, 7, 9});
  PushSegments(2, {20, 21});
  Push("000000010000000000000005.partial");
  Archive archive = Read();
  EXPECT_EQ(archive.Timelines(), (std::vector<TimelineId>{{1}, {2}}));
  std::vector<Archive::Gap> gaps = archive.Gaps();
  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0].first, (WalSegment{{1}, 5}));
  EXPECT_EQ(gaps[0].count, 2u) << "a partial segment fills no gap";
  EXPECT_EQ(gaps[1].first, (WalSegment{{1}, 8}));
  EXPECT_EQ(gaps[1].count, 1u);
  EXPECT_EQ(*archive.LastOfRun({1}, 3), 4u);
  EXPECT_EQ(archive.OldestOf({1}), 3u);
  EXPECT_EQ(archive.NewestOf({1}), 9u);
  EXPECT_EQ(*archive.LastOfRun({1}, 5), std::nullopt);
}

TEST_F(ArchiveTest, TheSegmentWithTheSwitchComesFromTheNewTimeline) {
  PushSegments(1, {3, 4, 5, 6, 7});
  PushSegments(2, {5, 6});
  // Timeline 2 left 1 within segment 5, timeline 3 left 2 within segment 6.
  Push("00000002.history", "1\t0/5000100\tno recovery target specified\n");
  PushSegments(3, {6, 7, 8});
  Push("00000003.history",
       "1\t0/5000100\tno recovery target specified\n2\t0/6000100\tbefore a time\n");
  Archive archive = Read();
  EXPECT_EQ(*archive.OnPath({3}, 4), (WalSegment{{1}, 4}));
  EXPECT_EQ(*archive.OnPath({3}, 5), (WalSegment{{2}, 5}));
  EXPECT_EQ(*archive.OnPath({3}, 6), (WalSegment{{3}, 6}));
  EXPECT_EQ(*archive.OnPath({2}, 6), (WalSegment{{2}, 6}));
  EXPECT_EQ(*archive.OnPath({2}, 7), std::nullopt) << "timeline 1's is not on the path to 2";
  EXPECT_EQ(*archive.OnPath({1}, 7), (WalSegment{{1}, 7}));
  EXPECT_EQ(*archive.LastOfRun({3}, 3), 8u);
  EXPECT_EQ(*archive.LastOfRun({2}, 3), 6u);
  EXPECT_EQ(archive.HistoryOf({3}).size(), 2u);
  EXPECT_TRUE(archive.HistoryOf({1}).empty());
}

TEST_F(ArchiveTest, ALostHistoryOfALaterTimelineIsNamed) {
  PushSegments(1, {3, 4, 5});
  PushSegments(2, {5, 6});
  EXPECT_EQ(Read().WithoutHistory({1}), (std::vector<TimelineId>{{2}}));
  EXPECT_TRUE(Read().WithoutHistory({2}).empty()) << "nothing is asked of what lies before";
  Push("00000002.history", "1\t0/5000100\tx\n");
  EXPECT_TRUE(Read().WithoutHistory({1}).empty());
  std::string object = cluster_.access->names.WalFile(kArchivedSystem, "00000002.history");
  ASSERT_TRUE(cluster_.storage->Delete(object).ok());
  ASSERT_TRUE(cluster_.storage->PutIfAbsent(object, AsBytes("damaged")).ok());
  EXPECT_EQ(Read().WithoutHistory({1}), (std::vector<TimelineId>{{2}}))
      << "the other timelines stay within reach";
}

TEST_F(ArchiveTest, ASwitchAtABoundaryLeavesTheSegmentBeforeToTheOldTimeline) {
  PushSegments(1, {3, 4});
  PushSegments(2, {5});
  Push("00000002.history", "1\t0/5000000\tx\n");
  Archive archive = Read();
  EXPECT_EQ(*archive.OnPath({2}, 4), (WalSegment{{1}, 4}));
  EXPECT_EQ(*archive.OnPath({2}, 5), (WalSegment{{2}, 5}));
}

TEST_F(ArchiveTest, NamesThatAreNoneOfTheClusterAreDamage) {
  Push("0000000100000000000001FF");
  EXPECT_EQ(Archive::Read(wal_, kArchivedSegmentBytes).code(), Code::kDamaged);
}

TEST_F(ArchiveTest, AStrangerAmongTheHistoriesIsDamage) {
  ASSERT_TRUE(
      cluster_.storage
          ->PutIfAbsent(cluster_.access->names.Wal(kArchivedSystem) + "/history/x", AsBytes("?"))
          .ok());
  EXPECT_EQ(Archive::Read(wal_, kArchivedSegmentBytes).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::commands
