#include "config/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace pgcairn::config {
namespace {

struct Field {
  std::string_view name;
  int min;
  int max;
  // Names stand for min, min + 1, ...
  std::vector<std::string_view> names;
};

const std::array<Field, 5>& Fields() {
  static const std::array<Field, 5> fields = {{
      {"minute", 0, 59, {}},
      {"hour", 0, 23, {}},
      {"day of month", 1, 31, {}},
      {"month",
       1,
       12,
       {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
      {"day of week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
  }};
  return fields;
}

using Values = std::bitset<60>;

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

std::string Allowed(const Field& field) {
  std::string allowed = fmt::format("{}-{}", field.min, field.max);
  if (!field.names.empty())
    allowed += fmt::format(" or {}-{}", field.names.front(), field.names.back());
  return allowed;
}

Error Bad(const Field& field, std::string_view found, std::string_view why) {
  return {Code::kUsage, fmt::format("field \"{}\": \"{}\" {}", field.name, found, why),
          fmt::format("{} may hold *, {}, ranges a-b, lists a,b and steps */n or a-b/n", field.name,
                      Allowed(field))};
}

std::optional<int> Number(std::string_view text) {
  int value = 0;
  bool digits = !text.empty() && text.size() <= 4 &&
                text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<int> Value(const Field& field, std::string_view text) {
  auto name = std::find(field.names.begin(), field.names.end(), UpperCase(text));
  if (name != field.names.end()) return field.min + static_cast<int>(name - field.names.begin());
  std::optional<int> number = Number(text);
  if (!number) return Bad(field, text, fmt::format("is not in {}", Allowed(field)));
  if (*number < field.min || *number > field.max) {
    return Bad(field, text, fmt::format("is outside {}", Allowed(field)));
  }
  return *number;
}

// One item of a list: *, a, a-b, */n or a-b/n.
Status AddItem(const Field& field, std::string_view item, Values& values) {
  size_t slash = item.find('/');
  std::string_view range = item.substr(0, slash);
  size_t dash = range.find('-');
  int first = field.min;
  int last = field.max;
  if (range != "*") {
    ASSIGN_OR_RETURN(first, Value(field, range.substr(0, dash)));
    last = first;
    if (dash != std::string_view::npos) {
      ASSIGN_OR_RETURN(last, Value(field, range.substr(dash + 1)));
      if (last < first) return Bad(field, item, "is a range that falls");
    }
  }
  int step = 1;
  if (slash != std::string_view::npos) {
    if (range != "*" && dash == std::string_view::npos) {
      return Bad(field, item,
                 fmt::format("is a step without a range: write {}-{}/...", range, field.max));
    }
    std::optional<int> number = Number(item.substr(slash + 1));
    if (!number || *number < 1 || *number > last - first + 1) {
      return Bad(field, item, fmt::format("has a step outside 1-{}", last - first + 1));
    }
    step = *number;
  }
  for (int value = first; value <= last; value += step) values.set(static_cast<size_t>(value));
  return {};
}

Result<Values> FieldValues(const Field& field, std::string_view text) {
  Values values;
  for (;;) {
    size_t comma = text.find(',');
    RETURN_IF_ERROR(AddItem(field, text.substr(0, comma), values));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> Words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> words;
  for (;;) {
    size_t start = text.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) return words;
    text.remove_prefix(start);
    size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// With a day of week given too, cron runs when either matches.
bool DayExists(const Values& days, const Values& months) {
  constexpr std::array<size_t, 13> kLongest = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (size_t month = 1; month <= 12; ++month) {
    for (size_t day = 1; months[month] && day <= kLongest[month]; ++day) {
      if (days[day]) return true;
    }
  }
  return false;
}

Status ValidateNickname(std::string_view text) {
  constexpr std::array<std::string_view, 7> kNicknames = {
      "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"};
  if (std::find(kNicknames.begin(), kNicknames.end(), text) != kNicknames.end()) return {};
  return Error{Code::kUsage, fmt::format("\"{}\" is not a schedule", text),
               "use @yearly, @monthly, @weekly, @daily, @hourly or five fields such as 0 2 * * *"};
}

}  // namespace

Status ValidateCron(std::string_view text) {
  std::vector<std::string_view> words = Words(text);
  if (words.size() == 1 && words[0].front() == '@') return ValidateNickname(words[0]);
  if (words.size() != Fields().size()) {
    return Error{Code::kUsage,
                 fmt::format("\"{}\" has {} fields, a schedule has 5", text, words.size()),
                 "write minute, hour, day of month, month and day of week: 0 2 * * * is every day "
                 "at 02:00"};
  }
  std::array<Values, 5> values;
  for (size_t i = 0; i < words.size(); ++i) {
    ASSIGN_OR_RETURN(values[i], FieldValues(Fields()[i], words[i]));
  }
  if (words[4].front() != '*' || DayExists(values[2], values[3])) return {};
  return Bad(Fields()[2], words[2], fmt::format("never comes in month {}", words[3]));
}

}  // namespace pgcairn::config
