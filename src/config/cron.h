// Schedules in the form of crontab(5).
#pragma once

#include <string_view>

#include "util/result.h"

namespace pgcairn::config {

// OK when `text` is a schedule: five fields (minute, hour, day of month, month, day of week) of
// "*", numbers, ranges a-b, lists a,b and steps */n or a-b/n; JAN-DEC and SUN-SAT in any case; 0
// and 7 are Sunday; or @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly. Stricter
// than cron where cron guesses: a step needs a range, a range rises, a step is no longer than its
// range, and a date that never comes (30 February) is refused. Errors: kUsage, naming the field,
// what was found and what it may hold.
Status ValidateCron(std::string_view text);

}  // namespace pgcairn::config
