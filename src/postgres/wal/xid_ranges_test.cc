#include "postgres/wal/xid_ranges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace pgcairn::postgres {
namespace {

std::vector<XidRange> RangesOf(const std::vector<uint32_t>& xids) {
  XidRanges ranges;
  for (uint32_t xid : xids) ranges.Add(xid);
  return std::move(ranges).Take();
}

TEST(XidRanges, NoneHoldNothing) {
  EXPECT_TRUE(RangesOf({}).empty());
  EXPECT_FALSE(AnyHolds({}, 0));
}

TEST(XidRanges, JoinNeighboursInAnyOrder) {
  EXPECT_EQ(RangesOf({700, 702, 701, 710, 701, 709}),
            (std::vector<XidRange>{{700, 702}, {709, 710}}));
}

TEST(XidRanges, GoOnAfterTheGreatestNumber) {
  auto ranges = RangesOf({5, 0xFFFFFFFE, 3, 0xFFFFFFFF, 4});
  EXPECT_EQ(ranges, (std::vector<XidRange>{{0xFFFFFFFE, 0xFFFFFFFF}, {3, 5}}));
  EXPECT_TRUE(AnyHolds(ranges, 0xFFFFFFFF));
  EXPECT_FALSE(AnyHolds(ranges, 1));
  EXPECT_EQ(RangesOf({0xFFFFFFFF, 0, 1}), (std::vector<XidRange>{{0xFFFFFFFF, 1}}));
  EXPECT_TRUE((XidRange{0xFFFFFFFF, 1}).Holds(0));
  EXPECT_FALSE((XidRange{0xFFFFFFFF, 1}).Holds(2));
}

TEST(XidRanges, GiveUpTheSmallestGapsBeyondTheBound) {
  std::vector<uint32_t> xids;
  for (uint32_t i = 0; i < kXidRangesMax; ++i) xids.push_back(1000 + i * 100);
  auto exact = RangesOf(xids);
  EXPECT_EQ(exact.size(), kXidRangesMax);
  xids.push_back(1003);  // two xids are between it and its neighbour
  auto joined = RangesOf(xids);
  EXPECT_EQ(joined.size(), kXidRangesMax);
  EXPECT_EQ(joined.front(), (XidRange{1000, 1003}));
  joined.front() = {1000, 1000};
  EXPECT_EQ(joined, exact);
}

TEST(XidRanges, HoldEveryXidThatWasAddedHoweverMany) {
  std::mt19937 random(7);
  std::set<uint32_t> xids;
  XidRanges collected;
  for (int i = 0; i < 150'000; ++i) {
    uint32_t xid = 0xFFF00000 + random() % 0x00400000;
    xids.insert(xid);
    collected.Add(xid);
  }
  auto ranges = std::move(collected).Take();
  EXPECT_LE(ranges.size(), kXidRangesMax);
  for (uint32_t xid : xids) ASSERT_TRUE(AnyHolds(ranges, xid)) << xid;
  EXPECT_FALSE(AnyHolds(ranges, 0xFFEFFFFF));
  EXPECT_FALSE(AnyHolds(ranges, 0x00300000));
}

}  // namespace
}  // namespace pgcairn::postgres
