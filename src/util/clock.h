// Moments in time: microseconds since 1970-01-01 00:00:00 UTC, as PostgreSQL resolves them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace pgcairn {

struct Timestamp {
  int64_t unix_us = 0;

  static Timestamp Now();
  static Timestamp FromUnixSeconds(int64_t seconds) { return {seconds * 1'000'000}; }
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;

  // "2024-01-01 12:00:00+00", with a fraction of six digits when it is not zero.
  std::string ToText() const;
  // "2024-01-01T12:00:00.000000Z": for JSON; always this width.
  std::string ToIso() const;
};

// Reads "2024-01-01", "2024-01-01 12:00", "2024-01-01T12:00:00.123456+02:00", "... Z", "... UTC".
// Without an offset the text is UTC. Errors: kUsage, naming the forms that are understood.
Result<Timestamp> ParseTimestamp(std::string_view text);

// Seconds since an arbitrary start that never runs backwards: for durations and time-outs.
double MonotonicSeconds();

}  // namespace pgcairn
