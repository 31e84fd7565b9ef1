#include "commands/wal_wait.h"

#include <gtest/gtest.h>

namespace pgcairn::commands {
namespace {

using Names = std::vector<std::string>;
constexpr uint64_t kAwaitedSegmentBytes = 16 << 20;

Names Between(uint64_t start, uint64_t stop) {
  return SegmentsBetween({1}, {start}, {stop}, kAwaitedSegmentBytes);
}

TEST(SegmentsBetween, BothEndsAreIncluded) {
  EXPECT_EQ(Between(0x3000028, 0x3000100), Names{"000000010000000000000003"});
  EXPECT_EQ(
      Between(0x3000028, 0x5000001),
      (Names{"000000010000000000000003", "000000010000000000000004", "000000010000000000000005"}));
}

TEST(SegmentsBetween, AStopAtABoundaryNeedsOnlyTheSegmentBeforeIt) {
  EXPECT_EQ(Between(0x3000028, 0x4000000), Names{"000000010000000000000003"});
  EXPECT_EQ(Between(0x3000000, 0x4000000), Names{"000000010000000000000003"});
}

TEST(SegmentsBetween, NumbersGoOnInTheNextLog) {
  EXPECT_EQ(Between(0xff000028, 0x100000028),
            (Names{"0000000100000000000000FF", "000000010000000100000000"}));
}

TEST(SegmentsBetween, TheSegmentSizeAndTimelineCount) {
  EXPECT_EQ(SegmentsBetween({0x1a}, {0x100000}, {0x200001}, 1 << 20),
            (Names{"0000001A0000000000000001", "0000001A0000000000000002"}));
}

}  // namespace
}  // namespace pgcairn::commands
