#include "sources/logical/table_keys.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/connection_cells.h"
#include "postgres/identifier.h"
#include "sources/logical/table_parts.h"

namespace pgcairn::sources {
namespace {

// indkey counts from 0, and the statistics' correlation is -1 to 1.
constexpr char kKey[] = R"(
SELECT a.attname, n.nspname, c.relname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
JOIN pg_catalog.pg_stats s ON s.schemaname = $2 AND s.tablename = $3 AND s.attname = a.attname
WHERE i.indrelid = $1::pg_catalog.oid AND i.indisprimary AND i.indisvalid AND i.indnatts = 1
  AND a.atttypid IN ('pg_catalog.int2'::pg_catalog.regtype,
    'pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int8'::pg_catalog.regtype)
  AND NOT s.inherited AND pg_catalog.abs(s.correlation) > 0.95)";

Result<std::optional<TableKey>> FindKey(postgres::Connection& connection,
                                        const TableToCopy& table) {
  ASSIGN_OR_RETURN(postgres::Rows found, connection.Query(kKey, {std::to_string(table.oid),
                                                                 table.schema, table.relation}));
  if (found.rows.empty()) return std::optional<TableKey>();
  const postgres::Row& row = found.rows[0];
  TableKey key{row[0].value_or(""),
               postgres::QualifiedName(row[1].value_or(""), row[2].value_or("")), 0, 0};
  const std::string column = postgres::QuoteIdentifier(key.column);
  ASSIGN_OR_RETURN(postgres::Rows ends,
                   connection.Query(fmt::format("SELECT pg_catalog.min({0}), pg_catalog.max({0}) "
                                                "FROM ONLY {1}",
                                                column, table.name())));
  if (!ends.rows[0][0] || !ends.rows[0][1]) return std::optional<TableKey>();
  ASSIGN_OR_RETURN(key.least, postgres::NumberCell<int64_t>(ends.rows[0][0], "the least key"));
  ASSIGN_OR_RETURN(key.greatest,
                   postgres::NumberCell<int64_t>(ends.rows[0][1], "the greatest key"));
  return std::optional(std::move(key));
}

}  // namespace

Status FindKeys(postgres::Connection& connection, std::vector<TableToCopy>& tables) {
  if (connection.server_major() >= 14) return {};
  for (TableToCopy& table : tables) {
    if (table.in_one_scan || table.blocks <= kBlocksPerPart || !table.condition.empty()) continue;
    ASSIGN_OR_RETURN(table.key, FindKey(connection, table).Context("looking for a key"));
  }
  return {};
}

Result<uint64_t> CountWithoutIndexes(postgres::Connection& connection, const TableToCopy& table) {
  const std::string doing = fmt::format("counting the rows of {}", table.name());
  for (const char* sql :
       {"SET LOCAL enable_seqscan = on", "SET LOCAL enable_indexscan = off",
        "SET LOCAL enable_indexonlyscan = off", "SET LOCAL enable_bitmapscan = off"}) {
    RETURN_IF_ERROR(connection.Query(sql).status().Context(doing));
  }
  ASSIGN_OR_RETURN(std::string count,
                   connection
                       .QueryCell(fmt::format("SELECT pg_catalog.count(*) FROM ONLY {} {}",
                                              table.name(), table.condition))
                       .Context(doing));
  return postgres::NumberCell<uint64_t>(count, "a number of rows");
}

Status RequireAllRows(postgres::Connection& connection, const TableToCopy& table, uint64_t rows) {
  ASSIGN_OR_RETURN(uint64_t there, CountWithoutIndexes(connection, table));
  if (there == rows) return {};
  return Error{Code::kFailed,
               fmt::format("{} has {} rows, and read in parts by its key, which an index leads to, "
                           "it had {}: the index {} is damaged, or another one on {}",
                           table.name(), there, rows, table.key->index, table.key->column),
               fmt::format("REINDEX TABLE {}; and run the backup again. Look for what damaged it: "
                           "disk, memory, or another collation or version of a library",
                           table.name())};
}

}  // namespace pgcairn::sources
