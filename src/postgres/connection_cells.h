// Cells of an answer as numbers, positions and times.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/lsn.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::postgres {

// Errors of all: kFailed, naming `what`, when the cell is NULL or not of the form.
inline Error UnexpectedCell(const std::optional<std::string>& cell, std::string_view what) {
  return {Code::kFailed,
          fmt::format("the server's answer for {} is {}", what,
                      cell ? fmt::format("\"{}\"", *cell) : "NULL"),
          ""};
}

// Decimal; all of the cell.
template <typename T>
Result<T> NumberCell(const std::optional<std::string>& cell, std::string_view what) {
  T number{};
  if (cell) {
    auto [end, failed] = std::from_chars(cell->data(), cell->data() + cell->size(), number);
    if (failed == std::errc() && end == cell->data() + cell->size()) return number;
  }
  return UnexpectedCell(cell, what);
}

inline Result<Lsn> LsnCell(const std::optional<std::string>& cell, std::string_view what) {
  std::optional<Lsn> lsn = cell ? ParseLsn(*cell) : std::nullopt;
  if (!lsn) return UnexpectedCell(cell, what);
  return *lsn;
}

// A timestamptz; nothing for NULL.
inline Result<std::optional<Timestamp>> TimeCell(const std::optional<std::string>& cell,
                                                 std::string_view what) {
  if (!cell) return std::optional<Timestamp>();
  Result<Timestamp> time = ParseTimestamp(*cell);
  if (!time.ok()) return UnexpectedCell(cell, what);
  return std::optional<Timestamp>(*time);
}

// The timeline is the first eight hexadecimal digits of a WAL file's name.
inline Result<TimelineId> TimelineOfWalFile(std::string_view name) {
  TimelineId timeline;
  auto digits = name.substr(0, 8);
  auto [end, failed] =
      std::from_chars(digits.data(), digits.data() + digits.size(), timeline.value, 16);
  if (KindOfWalFile(name) != WalFileKind::kSegment || failed != std::errc() ||
      end != digits.data() + digits.size()) {
    return Error{Code::kFailed, fmt::format("\"{}\" is not the name of a WAL segment", name), ""};
  }
  return timeline;
}

}  // namespace pgcairn::postgres
