#include "commands/calendar_period.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace pgcairn::commands {
namespace {

Timestamp At(const char* text) { return ParseTimestamp(text).value(); }

TEST(CalendarPeriod, WeeksAreThoseOfIso8601) {
  // From the standard's own examples and Python's date.isocalendar().
  EXPECT_EQ(PeriodName(Period::kWeek, At("2024-12-29 23:59:59")), "week 2024-W52");
  EXPECT_EQ(PeriodName(Period::kWeek, At("2024-12-30")), "week 2025-W01");
  EXPECT_EQ(PeriodName(Period::kWeek, At("2021-01-03")), "week 2020-W53");
  EXPECT_EQ(PeriodName(Period::kWeek, At("2021-01-04")), "week 2021-W01");
  EXPECT_EQ(PeriodName(Period::kWeek, At("1969-12-28 12:00")), "week 1969-W52");
  EXPECT_EQ(PeriodName(Period::kWeek, At("1969-12-29")), "week 1970-W01");
  EXPECT_EQ(PeriodName(Period::kWeek, At("2026-11-20")), "week 2026-W47");
}

TEST(CalendarPeriod, DaysMonthsAndYearsBeginAtMidnightUtc) {
  Timestamp last = At("2023-12-31 23:59:59.999999");
  Timestamp first = At("2024-01-01");
  EXPECT_EQ(PeriodName(Period::kDay, last), "2023-12-31");
  EXPECT_EQ(PeriodName(Period::kMonth, last), "2023-12");
  EXPECT_EQ(PeriodName(Period::kYear, last), "2023");
  EXPECT_EQ(PeriodName(Period::kDay, first), "2024-01-01");
  for (Period period : {Period::kDay, Period::kWeek, Period::kMonth, Period::kYear}) {
    EXPECT_EQ(PeriodNumber(period, first), PeriodNumber(period, last) + 1);
  }
}

// Two moments have the same number exactly when they have the same name, and numbers never fall.
TEST(CalendarPeriod, NumbersAndNamesAgreeOverFourHundredYears) {
  for (Period period : {Period::kDay, Period::kWeek, Period::kMonth, Period::kYear}) {
    Timestamp before = At("1799-12-31 12:00");
    for (int day = 0; day < 146'097; ++day) {
      Timestamp next{before.unix_us + int64_t{86'400} * 1'000'000};
      int64_t step = PeriodNumber(period, next) - PeriodNumber(period, before);
      bool renamed = PeriodName(period, next) != PeriodName(period, before);
      ASSERT_EQ(step, renamed ? 1 : 0) << next.ToText();
      before = next;
    }
  }
}

TEST(CalendarPeriod, TimesThatNoCalendarCanWriteAreBounded) {
  EXPECT_EQ(PeriodName(Period::kDay, Timestamp{INT64_MAX}), "9999-12-31");
  EXPECT_EQ(PeriodName(Period::kDay, Timestamp{INT64_MIN}), "0001-01-01");
}

}  // namespace
}  // namespace pgcairn::commands
