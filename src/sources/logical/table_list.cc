#include "sources/logical/table_list.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "postgres/connection_cells.h"
#include "postgres/identifier.h"
#include "sources/logical/row_order.h"

namespace pgcairn::sources {
namespace {

// An extension's configuration table belongs to the first extension that names it: there is no
// second one, a table is a member of one extension.
constexpr char kTables[] = R"(
SELECT c.oid, n.nspname, c.relname,
       CASE WHEN $1::pg_catalog.bool AND readable THEN pg_catalog.pg_relation_size(c.oid)
         / pg_catalog.current_setting('block_size')::int8 END,
       coalesce(a.amname = 'heap', false),
       coalesce(x.condition, ''),
       readable, x.oid IS NOT NULL, root.nspname, root.relname,
       CASE WHEN $1::pg_catalog.bool THEN (SELECT t.relpages FROM pg_catalog.pg_class t
         WHERE t.oid = c.reltoastrelid) END
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), false)) AS may (readable)
LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
LEFT JOIN (
  SELECT config.oid, config.condition
  FROM pg_catalog.pg_extension e,
       LATERAL ROWS FROM (pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition))
         AS config (oid, condition)
) x ON x.oid = c.oid
LEFT JOIN LATERAL (
  SELECT rn.nspname, r.relname
  FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
  WHERE r.oid = pg_catalog.pg_partition_root(c.oid)) AS root
  ON c.relispartition AND EXISTS (
    SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) AS a (relid)
    JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = a.relid WHERE p.partstrat = 'h')
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (x.oid IS NOT NULL OR NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
      AND d.deptype = 'e'))
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C")";

constexpr char kColumns[] = R"(
SELECT a.attrelid, a.attname
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attrelid, a.attnum)";

// Keys of other tables are made when the rows are there. Those of a partition and to one are listed
// beside those of its parent.
constexpr char kKeysOfExtensions[] = R"(
WITH config (oid) AS (
  SELECT pg_catalog.unnest(extconfig) FROM pg_catalog.pg_extension)
SELECT DISTINCT conrelid, confrelid FROM pg_catalog.pg_constraint
WHERE contype = 'f' AND conrelid <> confrelid
  AND conrelid IN (SELECT oid FROM config) AND confrelid IN (SELECT oid FROM config)
ORDER BY conrelid, confrelid)";

using ColumnsByTable = std::map<uint32_t, std::vector<std::string>>;

Result<ColumnsByTable> ListColumns(postgres::Connection& connection) {
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(kColumns));
  ColumnsByTable columns;
  for (postgres::Row& row : rows.rows) {
    ASSIGN_OR_RETURN(uint32_t oid, postgres::NumberCell<uint32_t>(row[0], "a table's oid"));
    columns[oid].push_back(std::move(row[1]).value_or(""));
  }
  return columns;
}

using ReferencesByTable = std::map<uint32_t, std::vector<uint32_t>>;

Result<ReferencesByTable> ListReferences(postgres::Connection& connection) {
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(kKeysOfExtensions));
  ReferencesByTable references;
  for (const postgres::Row& row : rows.rows) {
    ASSIGN_OR_RETURN(uint32_t from, postgres::NumberCell<uint32_t>(row[0], "a table's oid"));
    ASSIGN_OR_RETURN(uint32_t to, postgres::NumberCell<uint32_t>(row[1], "a table's oid"));
    references[from].push_back(to);
  }
  return references;
}

}  // namespace

std::string TableToCopy::name() const { return postgres::QualifiedName(schema, relation); }

Result<std::vector<TableToCopy>> ListTables(postgres::Connection& connection, TableSizes sizes) {
  constexpr char kDoing[] = "listing the tables of the database";
  ASSIGN_OR_RETURN(
      postgres::Rows rows,
      connection.Query(kTables, {sizes == TableSizes::kRead ? "true" : "false"}).Context(kDoing));
  ASSIGN_OR_RETURN(ColumnsByTable columns, ListColumns(connection).Context(kDoing));
  ASSIGN_OR_RETURN(ReferencesByTable references, ListReferences(connection).Context(kDoing));
  std::vector<TableToCopy> tables;
  for (postgres::Row& row : rows.rows) {
    TableToCopy table;
    ASSIGN_OR_RETURN(table.oid, postgres::NumberCell<uint32_t>(row[0], "a table's oid"));
    table.schema = std::move(row[1]).value_or("");
    table.relation = std::move(row[2]).value_or("");
    if (row[3]) {
      ASSIGN_OR_RETURN(table.blocks, postgres::NumberCell<uint64_t>(row[3], "a table's size"));
    }
    table.by_blocks = row[4] == "t" && connection.server_major() >= 14;
    table.columns = std::move(columns[table.oid]);
    table.refers_to = std::move(references[table.oid]);
    table.condition = std::move(row[5]).value_or("");
    table.readable = row[6] == "t";
    table.of_extension = row[7] == "t";
    table.load_schema = std::move(row[8]).value_or("");
    table.load_relation = std::move(row[9]).value_or("");
    if (row[10]) {
      ASSIGN_OR_RETURN(table.toast_blocks, postgres::NumberCell<uint64_t>(row[10], "TOAST's size"));
    }
    tables.push_back(std::move(table));
  }
  return InOrderOfRows(std::move(tables));
}

}  // namespace pgcairn::sources
