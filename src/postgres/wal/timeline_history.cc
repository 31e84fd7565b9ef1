#include "postgres/wal/timeline_history.h"

#include <fmt/format.h>

#include <charconv>

namespace pgcairn::postgres {
namespace {

constexpr std::string_view kSpace = " \t\r\v\f";

std::string_view TrimBlanks(std::string_view text) {
  size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

// Cuts the next word off the front of `text`.
std::string_view TakeWord(std::string_view& text) {
  std::string_view word = text.substr(0, text.find_first_of(kSpace));
  text = TrimBlanks(text.substr(word.size()));
  return word;
}

bool ParseTimeline(std::string_view word, TimelineId& timeline) {
  const char* word_end = word.data() + word.size();
  auto [end, error] = std::from_chars(word.data(), word_end, timeline.value);
  return error == std::errc() && end == word_end && timeline.value != 0;
}

Error DamagedHistory(size_t line, std::string_view reason) {
  return {Code::kDamaged, fmt::format("timeline history, line {}: {}", line, reason),
          "the history file is damaged; take it from another copy of the archive or of pg_wal"};
}

Status CheckHistoryOf(TimelineId target, const std::vector<TimelineSwitch>& history) {
  if (history.empty() || history.back().parent < target) return Status::Ok();
  return Error{Code::kDamaged,
               fmt::format("timeline {} cannot have grown from timeline {}", target.value,
                           history.back().parent.value),
               "the history file belongs to another timeline or is damaged"};
}

}  // namespace

Result<std::vector<TimelineSwitch>> ParseTimelineHistory(std::string_view text) {
  std::vector<TimelineSwitch> history;
  for (size_t line = 1; !text.empty(); ++line) {
    size_t length = text.find('\n');
    std::string_view rest = TrimBlanks(text.substr(0, length));
    text = length == std::string_view::npos ? std::string_view() : text.substr(length + 1);
    if (rest.empty() || rest.front() == '#') continue;

    TimelineSwitch entry;
    if (!ParseTimeline(TakeWord(rest), entry.parent)) {
      return DamagedHistory(line, "it does not begin with the number of a timeline");
    }
    auto switch_point = ParseLsn(TakeWord(rest));
    if (!switch_point || switch_point->value == 0) {
      return DamagedHistory(line, "the timeline's number is not followed by a place in the log");
    }
    if (!history.empty() && entry.parent <= history.back().parent) {
      return DamagedHistory(line, fmt::format("timeline {} comes after timeline {}",
                                              entry.parent.value, history.back().parent.value));
    }
    entry.switch_point = *switch_point;
    entry.reason = rest;
    history.push_back(std::move(entry));
  }
  return history;
}

Result<TimelineId> TimelineHolding(TimelineId target, const std::vector<TimelineSwitch>& history,
                                   Lsn lsn) {
  RETURN_IF_ERROR(CheckHistoryOf(target, history));
  // From the newest on: where switch points go back, the newer timeline has the say.
  TimelineId holder = target;
  for (auto entry = history.rbegin(); entry != history.rend(); ++entry) {
    if (entry->switch_point <= lsn) break;
    holder = entry->parent;
  }
  return holder;
}

Result<bool> DescendsFrom(TimelineId target, const std::vector<TimelineSwitch>& history,
                          TimelineId ancestor, Lsn until) {
  RETURN_IF_ERROR(CheckHistoryOf(target, history));
  if (target == ancestor) return true;
  for (auto entry = history.rbegin(); entry != history.rend(); ++entry) {
    if (entry->switch_point < until) return false;
    if (entry->parent == ancestor) return true;
  }
  return false;
}

}  // namespace pgcairn::postgres
