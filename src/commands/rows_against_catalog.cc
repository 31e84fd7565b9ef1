#include "commands/rows_against_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "commands/verify_report.h"

namespace pgcairn::commands {
namespace {

constexpr std::string_view kRows = "rows/";
constexpr std::string_view kLargeObjects = "large_objects/";
constexpr uint32_t kLargeObjectPageBytesMax = uint32_t{1} << 20;
// No table has it.
constexpr uint32_t kLargeObjectsOid = 0;

// Nothing but the digits that std::to_string would write.
std::optional<uint32_t> ParseNumber(std::string_view text) {
  uint32_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return number;
}

std::string FolderOfRows(uint32_t table) {
  return table == kLargeObjectsOid ? "large_objects" : fmt::format("rows/{}", table);
}

std::string NameOf(const format::LogicalTable& table) {
  if (table.name().empty()) return FolderOfRows(table.oid());
  return fmt::format("{} ({}.{})", FolderOfRows(table.oid()), table.schema(), table.name());
}

// The table and the number of its part.
std::optional<std::pair<uint32_t, uint32_t>> ParseRowsPath(std::string_view path) {
  std::optional<uint32_t> table = kLargeObjectsOid;
  if (path.starts_with(kLargeObjects)) {
    path.remove_prefix(kLargeObjects.size());
  } else {
    path.remove_prefix(kRows.size());
    const size_t slash = std::min(path.find('/'), path.size());
    table = ParseNumber(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (table == kLargeObjectsOid) return std::nullopt;
  }
  std::optional<uint32_t> part = ParseNumber(path);
  if (!table || !part) return std::nullopt;
  return std::pair(*table, *part);
}

}  // namespace

bool RowsAgainstCatalog::Add(const repository::StreamEntry& stream) {
  if (!stream.path.starts_with(kRows) && !stream.path.starts_with(kLargeObjects)) return false;
  if (auto part = ParseRowsPath(stream.path)) {
    parts_.push_back({part->first, part->second, stream.size});
  } else if (problem_.empty()) {
    problem_ = fmt::format("the backup holds {}, which no backup of a database has", stream.path);
  }
  return true;
}

std::map<uint32_t, RowsAgainstCatalog::Table> RowsAgainstCatalog::Tables() const {
  std::vector<Part> parts = parts_;
  std::ranges::sort(parts, {}, &Part::number);
  std::map<uint32_t, Table> tables;
  for (const Part& part : parts) {
    Table& table = tables[part.table];
    table.gapless = table.gapless && part.number == table.parts;
    ++table.parts;
    table.bytes += part.bytes;
  }
  return tables;
}

Status RowsAgainstCatalog::Judge(const format::LogicalCatalog& catalog) const {
  if (!problem_.empty()) return Damaged(problem_);
  std::map<uint32_t, Table> held = Tables();
  // What is named once is no longer there for a second one of the same oid.
  auto take = [&held](uint32_t oid) {
    auto node = held.extract(oid);
    return node.empty() ? Table() : node.mapped();
  };
  auto judge_parts = [](const Table& table, uint32_t parts, const std::string& name) -> Status {
    if (table.parts == parts && table.gapless) return {};
    return Damaged(
        fmt::format("the catalog names {} parts of {}, and the backup holds others", parts, name));
  };
  RETURN_IF_ERROR(judge_parts(take(kLargeObjectsOid), catalog.large_object_parts(),
                              FolderOfRows(kLargeObjectsOid)));
  if (catalog.large_object_parts() > 0 &&
      (catalog.large_object_page_bytes() == 0 ||
       catalog.large_object_page_bytes() > kLargeObjectPageBytesMax)) {
    return Damaged("the catalog gives pages of large objects an impossible size");
  }
  for (const format::LogicalTable& named : catalog.tables()) {
    const std::string name = NameOf(named);
    if (named.parts() == 0) return Damaged("the catalog names no part of " + name);
    const Table table = take(named.oid());
    RETURN_IF_ERROR(judge_parts(table, named.parts(), name));
    if (named.bytes() == table.bytes) continue;
    return Damaged(fmt::format("the catalog states {} bytes of {}, and the backup holds {}",
                               named.bytes(), name, table.bytes));
  }
  if (held.empty()) return {};
  return Damaged(fmt::format("the backup holds {}, of which its catalog says nothing",
                             FolderOfRows(held.begin()->first)));
}

}  // namespace pgcairn::commands
