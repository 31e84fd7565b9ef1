#include "util/clock.h"

#include <gtest/gtest.h>

namespace pgcairn {
namespace {

TEST(Timestamp, WithoutOffsetIsUtc) {
  auto at = ParseTimestamp("2024-01-01 12:00:00");
  ASSERT_TRUE(at.ok());
  EXPECT_EQ(at->unix_us, 1704110400000000);
  EXPECT_EQ(at->ToText(), "2024-01-01 12:00:00+00");
}

TEST(Timestamp, OffsetAndFractionCount) {
  auto at = ParseTimestamp("2024-01-01T14:30:00.25+02:30");
  ASSERT_TRUE(at.ok());
  EXPECT_EQ(at->ToIso(), "2024-01-01T12:00:00.250000Z");
  EXPECT_EQ(ParseTimestamp("2024-01-01 07:00:00-05")->unix_us, 1704110400000000);
}

TEST(Timestamp, NonsenseIsRefused) {
  for (const char* text : {"", "yesterday", "2024-13-01", "2024-02-30", "2024-01-01 25:00",
                           "2024-01-01 12:00:00 CET", "2024-01-01x", "2024-01-01 12:00:00."}) {
    EXPECT_FALSE(ParseTimestamp(text).ok()) << text;
  }
}

TEST(Timestamp, BeforeTheEpoch) { EXPECT_EQ(Timestamp{-1}.ToIso(), "1969-12-31T23:59:59.999999Z"); }

}  // namespace
}  // namespace pgcairn
