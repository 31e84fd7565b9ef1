#include "sources/logical/table_parts.h"

#include <fmt/format.h>

#include <bit>

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

uint64_t PartCountOf(const TableToCopy& table) {
  if (table.in_one_scan) return 1;
  return (table.blocks + kBlocksPerPart - 1) / kBlocksPerPart;
}

std::string Block(uint64_t number) { return fmt::format("'({},0)'", number); }

// The first part has no beginning and the last one no end.
std::vector<TablePart> PartsBetween(const TableToCopy& table, const std::string& column,
                                    const std::vector<std::string>& borders) {
  std::vector<TablePart> parts;
  for (size_t number = 0; number <= borders.size(); ++number) {
    std::vector<std::string> conditions;
    if (number > 0) conditions.push_back(fmt::format("{} >= {}", column, borders[number - 1]));
    if (number < borders.size())
      conditions.push_back(fmt::format("{} < {}", column, borders[number]));
    const std::string where = fmt::format("WHERE {}", fmt::join(conditions, " AND "));
    parts.push_back(
        {table.oid, static_cast<uint32_t>(number), table.name(), where, CopyOfQuery(table, where)});
  }
  return parts;
}

std::vector<TablePart> PartsByBlocks(const TableToCopy& table, uint64_t count) {
  std::vector<std::string> borders;
  for (uint64_t number = 1; number < count; ++number) {
    borders.push_back(Block(number * kBlocksPerPart));
  }
  return PartsBetween(table, "ctid", borders);
}

// Multiples of the width, so that they stay while the table grows at either end.
std::vector<TablePart> PartsByKey(const TableToCopy& table, uint64_t count) {
  const TableKey& key = *table.key;
  const uint64_t span = static_cast<uint64_t>(key.greatest) - static_cast<uint64_t>(key.least);
  const auto shift = static_cast<int>(std::bit_width(span / count));
  std::vector<std::string> borders;
  for (int64_t number = key.least >> shift; number < key.greatest >> shift;) {
    borders.push_back(std::to_string(++number << shift));
  }
  return PartsBetween(table, postgres::QuoteIdentifier(key.column), borders);
}

}  // namespace

bool IsReadByKey(const TableToCopy& table) {
  return table.condition.empty() && PartCountOf(table) > 1 && !table.by_blocks && table.key &&
         table.key->least < table.key->greatest;
}

std::vector<TablePart> PartsOf(const TableToCopy& table) {
  const uint64_t count = PartCountOf(table);
  if (table.condition.empty() && count > 1 && table.by_blocks) return PartsByBlocks(table, count);
  if (IsReadByKey(table)) return PartsByKey(table, count);
  return {{table.oid, 0, table.name(), table.condition, CopyOfAll(table)}};
}

}  // namespace pgcairn::sources
