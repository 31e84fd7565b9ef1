#include "commands/calendar_period.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "util/result.h"

namespace pgcairn::commands {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

// Times come from servers' clocks: what no calendar can write counts as the nearest day that it
// can.
sys_days DayOf(Timestamp at) {
  auto day = std::chrono::floor<days>(
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(at.unix_us)));
  return std::clamp(day, sys_days(year(1) / 1 / 1), sys_days(year(9999) / 12 / 31));
}

// 1970-01-01 was a Thursday: the Monday before it is day -3.
int64_t WeekOf(sys_days day) {
  int64_t since_monday = day.time_since_epoch().count() + 3;
  return since_monday >= 0 ? since_monday / 7 : -((6 - since_monday) / 7);
}

// A week belongs to the year that holds its Thursday.
sys_days ThursdayOf(sys_days day) { return sys_days(days(WeekOf(day) * 7)); }

}  // namespace

int64_t PeriodNumber(Period period, Timestamp at) {
  sys_days day = DayOf(at);
  year_month_day date(day);
  switch (period) {
    case Period::kDay:
      return day.time_since_epoch().count();
    case Period::kWeek:
      return WeekOf(day);
    case Period::kMonth:
      return int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month()) - 1;
    case Period::kYear:
      return static_cast<int>(date.year());
  }
  CHECK(false);
}

std::string PeriodName(Period period, Timestamp at) {
  sys_days day = DayOf(at);
  year_month_day date(day);
  int year_number = static_cast<int>(date.year());
  auto month = static_cast<unsigned>(date.month());
  switch (period) {
    case Period::kDay:
      return fmt::format("{:04}-{:02}-{:02}", year_number, month,
                         static_cast<unsigned>(date.day()));
    case Period::kWeek: {
      year_month_day thursday(ThursdayOf(day));
      auto first = sys_days(thursday.year() / 1 / 1);
      int64_t week = (sys_days(thursday) - first).count() / 7 + 1;
      return fmt::format("week {:04}-W{:02}", static_cast<int>(thursday.year()), week);
    }
    case Period::kMonth:
      return fmt::format("{:04}-{:02}", year_number, month);
    case Period::kYear:
      return fmt::format("{:04}", year_number);
  }
  CHECK(false);
}

}  // namespace pgcairn::commands
