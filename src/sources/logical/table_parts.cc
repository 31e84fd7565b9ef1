#include "sources/logical/table_parts.h"

#include <fmt/format.h>

#include "postgres/identifier.h"

namespace pgcairn::sources {
namespace {

std::string ColumnsOf(const TableToCopy& table) {
  std::vector<std::string> quoted;
  for (const std::string& column : table.columns) {
    quoted.push_back(postgres::QuoteIdentifier(column));
  }
  return fmt::format("{}", fmt::join(quoted, ", "));
}

std::string CopyOfQuery(const TableToCopy& table, const std::string& where) {
  return fmt::format("COPY (SELECT {} FROM ONLY {} {}) TO STDOUT", ColumnsOf(table), table.name(),
                     where);
}

std::string CopyOfAll(const TableToCopy& table) {
  if (!table.condition.empty()) return CopyOfQuery(table, table.condition);
  // An empty list in parentheses is no SQL.
  if (table.columns.empty()) return fmt::format("COPY {} TO STDOUT", table.name());
  return fmt::format("COPY {} ({}) TO STDOUT", table.name(), ColumnsOf(table));
}

}  // namespace

std::vector<TablePart> PartsOf(const TableToCopy& table) {
  const uint64_t count = (table.blocks + kBlocksPerPart - 1) / kBlocksPerPart;
  if (!table.by_blocks || !table.condition.empty() || count <= 1) {
    return {{table.oid, 0, table.name(), table.condition, CopyOfAll(table)}};
  }
  std::vector<TablePart> parts;
  for (uint64_t number = 0; number < count; ++number) {
    std::string where = fmt::format("WHERE ctid >= '({},0)'", number * kBlocksPerPart);
    if (number + 1 < count) {
      where += fmt::format(" AND ctid < '({},0)'", (number + 1) * kBlocksPerPart);
    }
    parts.push_back(
        {table.oid, static_cast<uint32_t>(number), table.name(), where, CopyOfQuery(table, where)});
  }
  return parts;
}

}  // namespace pgcairn::sources
