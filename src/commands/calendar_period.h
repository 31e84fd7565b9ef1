// Days, ISO weeks, months and years, in UTC.
#pragma once

#include <cstdint>
#include <string>

#include "util/clock.h"

namespace pgcairn::commands {

enum class Period { kDay, kWeek, kMonth, kYear };

// The period that holds `at`: rises by one from each to the next.
int64_t PeriodNumber(Period period, Timestamp at);
// "2026-11-20", "week 2026-W47" (Monday to Sunday, the first of a year holds its first Thursday),
// "2026-11", "2026".
std::string PeriodName(Period period, Timestamp at);

}  // namespace pgcairn::commands
