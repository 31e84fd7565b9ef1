#include "sources/logical/target_rows.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "postgres/identifier.h"

namespace pgcairn::sources {
namespace {

// The server asks in any order, but within CASE: of what is no sequence it must not be asked.
constexpr char kTableInUse[] = R"(
SELECT r.rolname = current_user, c.relkind = 'r',
  pg_catalog.has_table_privilege(c.oid, 'INSERT') AND pg_catalog.has_table_privilege(c.oid, 'DELETE'),
  (SELECT n.nspname || '.' || s.relname
   FROM pg_catalog.pg_depend d
   JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
   JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
     AND CASE s.relkind WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege(s.oid, 'UPDATE') END
   ORDER BY 1 LIMIT 1), c.oid,
  r.rolname <> current_user AND o.rolsuper
    AND (n.nspname IN ('auth', 'storage', 'realtime', '_realtime', 'vault', 'cron', 'net', 'pgsodium',
        'graphql', 'graphql_public', 'pgbouncer', 'supabase_functions', 'supabase_migrations')
      OR EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
          AND d.deptype = 'e'))
    AND (r.rolsuper OR EXISTS (
      SELECT FROM pg_catalog.aclexplode(n.nspacl) a
      WHERE a.grantee = c.relowner AND a.grantor = n.nspowner AND a.privilege_type = 'CREATE'))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner
WHERE n.nspname = $1 AND c.relname = $2 AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))";

constexpr char kColumnsToWrite[] = R"(
SELECT attname FROM pg_catalog.pg_attribute
WHERE attrelid = $1::pg_catalog.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum)";

constexpr char kForeignKeys[] = R"(
SELECT n.nspname, c.relname, fn.nspname, f.relname
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class f ON f.oid = k.conrelid
JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
WHERE k.contype = 'f')";

// TRUNCATE refuses a table that a key of one outside of its list refers to, whatever their rows
// (heap_truncate_check_FKs in src/backend/catalog/heap.c). A partitioned table is never in the
// list.
Result<std::set<std::string>> ReferredToByOthers(postgres::Connection& connection,
                                                 const std::set<std::string>& tables) {
  ASSIGN_OR_RETURN(postgres::Rows keys, connection.Query(kForeignKeys));
  std::set<std::string> found;
  bool more = true;
  // What is not truncated refers itself from outside of the list.
  while (std::exchange(more, false)) {
    for (const postgres::Row& key : keys.rows) {
      const std::string to = postgres::QualifiedName(key[0].value_or(""), key[1].value_or(""));
      const std::string from = postgres::QualifiedName(key[2].value_or(""), key[3].value_or(""));
      const bool from_outside = !tables.contains(from) || found.contains(from);
      if (tables.contains(to) && from_outside) more = found.insert(to).second || more;
    }
  }
  return found;
}

}  // namespace

Result<std::optional<TableInUse>> LookAtTable(postgres::Connection& connection,
                                              const std::string& schema, const std::string& name) {
  const std::string doing = fmt::format("looking at {}.{}", schema, name);
  ASSIGN_OR_RETURN(postgres::Rows rows,
                   connection.Query(kTableInUse, {schema, name}).Context(doing));
  if (rows.rows.empty()) return std::optional<TableInUse>();
  postgres::Row& row = rows.rows[0];
  TableInUse table;
  table.own = row[0] == "t";
  table.is_table = row[1] == "t";
  table.may_write = row[2] == "t";
  table.sequence_of_others = std::move(row[3]);
  table.of_platform = row[5] == "t";
  ASSIGN_OR_RETURN(postgres::Rows columns,
                   connection.Query(kColumnsToWrite, {row[4].value_or("")}).Context(doing));
  for (postgres::Row& column : columns.rows) {
    table.columns.push_back(std::move(column[0]).value_or(""));
  }
  return std::optional(std::move(table));
}

Result<bool> HasRows(postgres::Connection& connection, const std::string& table) {
  Result<std::string> has =
      connection.QueryCell(fmt::format("SELECT EXISTS (SELECT FROM ONLY {})", table));
  if (!has.ok() && has.code() == Code::kPermission) return true;
  if (!has.ok()) return has.error();
  return *has == "t";
}

Result<bool> MaySetSequence(postgres::Connection& connection, const std::string& schema,
                            const std::string& name) {
  ASSIGN_OR_RETURN(postgres::Rows rows,
                   connection
                       .Query("SELECT FROM pg_catalog.pg_class c "
                              "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                              "WHERE n.nspname = $1 AND c.relname = $2 "
                              "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
                              "AND CASE c.relkind WHEN 'S' THEN "
                              "pg_catalog.has_sequence_privilege(c.oid, 'UPDATE') END",
                              {schema, name})
                       .Context(fmt::format("looking at the sequence {}.{}", schema, name)));
  return !rows.rows.empty();
}

Status EmptyTables(postgres::Connection& connection, const std::vector<std::string>& tables) {
  constexpr char kDoing[] = "emptying what an interrupted restore had begun to fill";
  ASSIGN_OR_RETURN(std::set<std::string> referred_to,
                   ReferredToByOthers(connection, {tables.begin(), tables.end()}).Context(kDoing));
  std::vector<std::string> truncated;
  for (const std::string& table : tables) {
    if (!referred_to.contains(table)) truncated.push_back(table);
  }
  if (!truncated.empty()) {
    RETURN_IF_ERROR(connection.Query(fmt::format("TRUNCATE ONLY {}", fmt::join(truncated, ", ")))
                        .status()
                        .Context(kDoing));
  }
  for (const std::string& table : referred_to) {
    RETURN_IF_ERROR(connection.Query("DELETE FROM ONLY " + table).status().Context(kDoing));
  }
  return {};
}

Result<std::optional<std::string>> FindLargeObject(postgres::Connection& connection,
                                                   const std::vector<uint32_t>& oids) {
  if (oids.empty()) return std::optional<std::string>();
  ASSIGN_OR_RETURN(postgres::Rows found,
                   connection
                       .Query("SELECT oid FROM pg_catalog.pg_largeobject_metadata "
                              "WHERE oid = ANY ($1::pg_catalog.oid[]) ORDER BY oid LIMIT 1",
                              {fmt::format("{{{}}}", fmt::join(oids, ","))})
                       .Context("looking for large objects of the backup's numbers"));
  if (found.rows.empty()) return std::optional<std::string>();
  return found.rows[0][0];
}

Status DeleteOwnLargeObjects(postgres::Connection& connection, const std::vector<uint32_t>& oids) {
  if (oids.empty()) return {};
  return connection
      .Query(fmt::format("SELECT pg_catalog.lo_unlink(m.oid) "
                         "FROM pg_catalog.pg_largeobject_metadata m "
                         "WHERE pg_catalog.pg_has_role(m.lomowner, 'USAGE') AND m.oid IN ({})",
                         fmt::join(oids, ", ")))
      .status()
      .Context("deleting the large objects of an interrupted restore");
}

}  // namespace pgcairn::sources
