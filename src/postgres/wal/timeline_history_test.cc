#include "postgres/wal/timeline_history.h"

#include <gtest/gtest.h>

namespace pgcairn::postgres {
namespace {

using History = std::vector<TimelineSwitch>;

// 1 -> 2 at 0/5000000 -> 4 at 0/7000000 -> this one.
const History kHistory{{TimelineId{1}, Lsn{0x5000000}, "no recovery target specified"},
                       {TimelineId{2}, Lsn{0x7000000}, "before 2024-01-01 12:00:00+00"},
                       {TimelineId{4}, Lsn{0x900000000}, "at restore point \"x\""}};

TEST(TimelineHistory, ReadsWhatTheServerWrites) {
  auto history = ParseTimelineHistory(
      "1\t0/5000000\tno recovery target specified\n\n"
      "2\t0/7000000\tbefore 2024-01-01 12:00:00+00\n\n"
      "4\t9/0\tat restore point \"x\"\n");
  ASSERT_TRUE(history.ok());
  EXPECT_EQ(*history, kHistory);
}

TEST(TimelineHistory, LeavesOutCommentsAndBlankLinesAndNeedsNoReasonOrLastLineEnd) {
  auto history = ParseTimelineHistory("# a comment\n  \t\n \t# another\r\n 7  A/B\r\n8\tA/C");
  ASSERT_TRUE(history.ok());
  EXPECT_EQ(*history, (History{{TimelineId{7}, Lsn{0xA0000000B}, ""},
                               {TimelineId{8}, Lsn{0xA0000000C}, ""}}));
  EXPECT_TRUE(ParseTimelineHistory("")->empty());
}

TEST(TimelineHistory, JunkIsDamageAndTheLineIsNamed) {
  for (const char* bad :
       {"x\t0/5000000\tr", "1", "1\t5000000\tr", "1\t0/\tr", "-1\t0/5000000", "0\t0/5000000",
        "4294967296\t0/5000000", "1x\t0/5000000", "1\t0/0\tr", "3\t0/6000000\tsame number",
        "2\t0/6000000\tlower number", "\x01\x02\x03"}) {
    auto history = ParseTimelineHistory(std::string("3\t0/5000000\tgood\n") + bad + "\n");
    ASSERT_FALSE(history.ok()) << bad;
    EXPECT_EQ(history.code(), Code::kDamaged);
    EXPECT_NE(history.error().message.find("line 2"), std::string::npos) << bad;
  }
}

TEST(TimelineHolding, ChangesAtTheSwitchPoint) {
  const std::pair<uint64_t, uint32_t> kCases[] = {
      {0, 1},         {0x4FFFFFF, 1},   {0x5000000, 2},   {0x6FFFFFF, 2},
      {0x7000000, 4}, {0x8FFFFFFFF, 4}, {0x900000000, 5}, {~uint64_t{0}, 5}};
  for (auto [lsn, timeline] : kCases) {
    EXPECT_EQ(TimelineHolding(TimelineId{5}, kHistory, Lsn{lsn})->value, timeline) << lsn;
  }
  EXPECT_EQ(TimelineHolding(TimelineId{1}, {}, Lsn{5})->value, 1U);
}

// Timeline 3 was to follow 2 but stopped before 2 began: what it took of 1 ends there.
TEST(TimelineHolding, TheNewerTimelineHasTheSayWhereSwitchPointsGoBack) {
  History history{{TimelineId{1}, Lsn{0x5000000}, ""}, {TimelineId{2}, Lsn{0x4000000}, ""}};
  EXPECT_EQ(TimelineHolding(TimelineId{3}, history, Lsn{0x3FFFFFF})->value, 1U);
  EXPECT_EQ(TimelineHolding(TimelineId{3}, history, Lsn{0x4000000})->value, 3U);
  EXPECT_EQ(TimelineHolding(TimelineId{3}, history, Lsn{0x4800000})->value, 3U);
  EXPECT_EQ(TimelineHolding(TimelineId{3}, history, Lsn{0x5800000})->value, 3U);
}

TEST(DescendsFrom, UpToTheSwitchPointAndNotPastIt) {
  EXPECT_TRUE(*DescendsFrom(TimelineId{5}, kHistory, TimelineId{1}, Lsn{0x4FFFFFF}));
  EXPECT_TRUE(*DescendsFrom(TimelineId{5}, kHistory, TimelineId{1}, Lsn{0x5000000}));
  EXPECT_FALSE(*DescendsFrom(TimelineId{5}, kHistory, TimelineId{1}, Lsn{0x5000001}));
  EXPECT_TRUE(*DescendsFrom(TimelineId{5}, kHistory, TimelineId{2}, Lsn{0x7000000}));
  EXPECT_FALSE(*DescendsFrom(TimelineId{5}, kHistory, TimelineId{2}, Lsn{0x7000001}));
  EXPECT_TRUE(*DescendsFrom(TimelineId{5}, kHistory, TimelineId{5}, Lsn{~uint64_t{0}}));
}

TEST(DescendsFrom, NotFromASiblingOrAChild) {
  EXPECT_FALSE(*DescendsFrom(TimelineId{5}, kHistory, TimelineId{3}, Lsn{1}));
  EXPECT_FALSE(*DescendsFrom(TimelineId{5}, kHistory, TimelineId{6}, Lsn{1}));
  EXPECT_FALSE(*DescendsFrom(TimelineId{2}, {}, TimelineId{1}, Lsn{1}));
}

TEST(DescendsFrom, ALaterParentThatWasLeftEarlierCountsToo) {
  History history{{TimelineId{1}, Lsn{0x5000000}, ""}, {TimelineId{2}, Lsn{0x4000000}, ""}};
  EXPECT_TRUE(*DescendsFrom(TimelineId{3}, history, TimelineId{1}, Lsn{0x4000000}));
  EXPECT_FALSE(*DescendsFrom(TimelineId{3}, history, TimelineId{1}, Lsn{0x4000001}));
}

TEST(DescendsFrom, AHistoryOfAnotherTimelineIsDamage) {
  for (uint32_t target : {1U, 3U, 4U}) {
    EXPECT_EQ(DescendsFrom(TimelineId{target}, kHistory, TimelineId{1}, Lsn{1}).code(),
              Code::kDamaged);
    EXPECT_EQ(TimelineHolding(TimelineId{target}, kHistory, Lsn{1}).code(), Code::kDamaged);
  }
}

}  // namespace
}  // namespace pgcairn::postgres
