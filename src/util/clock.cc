#include "util/clock.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <optional>

namespace pgcairn {
namespace {

// A cursor over the text that takes fixed-width numbers and single characters.
struct Cursor {
  std::string_view rest;

  std::optional<int> Digits(size_t count) {
    if (rest.size() < count) return std::nullopt;
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest[i] < '0' || rest[i] > '9') return std::nullopt;
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(count);
    return value;
  }
  bool Take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  void Spaces() {
    while (Take(' ')) {
    }
  }
};

std::optional<int64_t> FractionUs(Cursor& in) {
  int64_t us = 0;
  int digits = 0;
  while (!in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9') {
    if (digits < 6) us = us * 10 + (in.rest.front() - '0');
    ++digits;
    in.rest.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (int i = digits; i < 6; ++i) us *= 10;
  return us;
}

// Seconds east of Greenwich; 0 when the text ends without an offset.
std::optional<int64_t> OffsetSeconds(Cursor& in) {
  in.Spaces();
  if (in.rest.empty() || in.rest == "Z" || in.rest == "z" || in.rest == "UTC") return 0;
  int sign = in.Take('-') ? -1 : in.Take('+') ? 1 : 0;
  if (sign == 0) return std::nullopt;
  auto hours = in.Digits(2);
  if (!hours || *hours > 15) return std::nullopt;
  int minutes = 0;
  if (!in.rest.empty()) {
    in.Take(':');
    auto parsed = in.Digits(2);
    if (!parsed || *parsed > 59 || !in.rest.empty()) return std::nullopt;
    minutes = *parsed;
  }
  return sign * (*hours * 3600 + minutes * 60);
}

std::optional<Timestamp> Parse(Cursor in) {
  auto year = in.Digits(4);
  if (!year || !in.Take('-')) return std::nullopt;
  auto month = in.Digits(2);
  if (!month || !in.Take('-')) return std::nullopt;
  auto day = in.Digits(2);
  if (!day) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(*year),
                                   std::chrono::month(static_cast<unsigned>(*month)),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::sys_days(date).time_since_epoch())
                        .count();
  int64_t us = 0;
  if (in.Take('T') || in.Take(' ')) {
    auto hour = in.Digits(2);
    if (!hour || *hour > 23 || !in.Take(':')) return std::nullopt;
    auto minute = in.Digits(2);
    if (!minute || *minute > 59) return std::nullopt;
    int second = 0;
    if (in.Take(':')) {
      auto parsed = in.Digits(2);
      if (!parsed || *parsed > 60) return std::nullopt;
      second = *parsed;
      if (in.Take('.')) {
        auto fraction = FractionUs(in);
        if (!fraction) return std::nullopt;
        us = *fraction;
      }
    }
    seconds += *hour * 3600 + *minute * 60 + second;
    auto offset = OffsetSeconds(in);
    if (!offset) return std::nullopt;
    seconds -= *offset;
  } else if (!in.rest.empty()) {
    return std::nullopt;
  }
  return Timestamp{seconds * 1'000'000 + us};
}

struct Fields {
  std::tm tm{};
  int64_t us = 0;
};

Fields Split(Timestamp at) {
  int64_t us = at.unix_us % 1'000'000;
  int64_t seconds = at.unix_us / 1'000'000;
  if (us < 0) {
    us += 1'000'000;
    --seconds;
  }
  Fields fields;
  fields.us = us;
  std::time_t time = seconds;
  gmtime_r(&time, &fields.tm);
  return fields;
}

}  // namespace

Timestamp Timestamp::Now() {
  return {std::chrono::duration_cast<std::chrono::microseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

std::string Timestamp::ToText() const {
  Fields f = Split(*this);
  std::string fraction = f.us == 0 ? "" : fmt::format(".{:06}", f.us);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}{}+00", f.tm.tm_year + 1900,
                     f.tm.tm_mon + 1, f.tm.tm_mday, f.tm.tm_hour, f.tm.tm_min, f.tm.tm_sec,
                     fraction);
}

std::string Timestamp::ToIso() const {
  Fields f = Split(*this);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", f.tm.tm_year + 1900,
                     f.tm.tm_mon + 1, f.tm.tm_mday, f.tm.tm_hour, f.tm.tm_min, f.tm.tm_sec, f.us);
}

Result<Timestamp> ParseTimestamp(std::string_view text) {
  auto parsed = Parse({text});
  if (parsed) return *parsed;
  return Error{Code::kUsage, fmt::format("\"{}\" is not a time", text),
               "write it as \"2024-01-31 14:05:00\" (UTC) or with an offset, "
               "\"2024-01-31 14:05:00.25+01:00\""};
}

double MonotonicSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace pgcairn
