#include "sources/logical/target_table.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/identifier.h"

namespace pgcairn::sources {
namespace {

// What would fire although the session says that it is a replica, or does not say so.
constexpr char kTriggers[] = R"(
SELECT pg_catalog.quote_ident(tgname),
  CASE tgenabled WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END
FROM pg_catalog.pg_trigger
WHERE tgrelid = $1::pg_catalog.regclass AND NOT tgisinternal
  AND tgenabled::pg_catalog.text = ANY ($2::pg_catalog.text[])
ORDER BY tgname)";

// Foreign keys that do more than refuse, with the table whose rows they change, and rules.
constexpr char kConsequences[] = R"(
SELECT 'the foreign key ' || con.conname || ' of ' || con.conrelid::pg_catalog.regclass,
  n.nspname, c.relname
FROM pg_catalog.pg_constraint con
JOIN pg_catalog.pg_class c ON c.oid = con.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE con.contype = 'f' AND con.confrelid = $1::pg_catalog.regclass
  AND con.confdeltype IN ('c', 'n', 'd')
UNION ALL
SELECT 'the rule ' || rulename, NULL, NULL FROM pg_catalog.pg_rewrite
WHERE ev_class = $1::pg_catalog.regclass AND ev_type = '4' AND ev_enabled <> 'D'
ORDER BY 1)";

// The same comparison as the server's own check when a key is made (RI_Initial_Check in
// src/backend/utils/adt/ri_triggers.c).
constexpr char kKeyChecks[] = R"(
SELECT con.conname, con.conrelid::pg_catalog.regclass,
  pg_catalog.format('SELECT pg_catalog.count(*) FROM %s%s c WHERE %s AND NOT EXISTS '
    '(SELECT FROM %s%s p WHERE %s)',
    CASE child.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, con.conrelid::pg_catalog.regclass,
    pg_catalog.string_agg(pg_catalog.format('c.%I IS NOT NULL', a.attname), ' AND '),
    CASE parent.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, con.confrelid::pg_catalog.regclass,
    pg_catalog.string_agg(pg_catalog.format('p.%I OPERATOR(%I.%s) c.%I', b.attname, n.nspname,
      o.oprname, a.attname), ' AND '))
FROM pg_catalog.pg_constraint con
JOIN pg_catalog.pg_class child ON child.oid = con.conrelid
JOIN pg_catalog.pg_class parent ON parent.oid = con.confrelid
CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(con.conkey), pg_catalog.unnest(con.confkey),
  pg_catalog.unnest(con.conpfeqop)) AS k (own, other, op)
JOIN pg_catalog.pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.own
JOIN pg_catalog.pg_attribute b ON b.attrelid = con.confrelid AND b.attnum = k.other
JOIN pg_catalog.pg_operator o ON o.oid = k.op
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE con.contype = 'f' AND con.convalidated
  AND $1::pg_catalog.regclass IN (con.conrelid, con.confrelid)
GROUP BY con.oid, con.conname, con.conrelid, con.confrelid, child.relkind, parent.relkind
ORDER BY con.conname)";

constexpr char kOwnedSequences[] = R"(
SELECT n.nspname, s.relname
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.refobjid = $1::pg_catalog.regclass
ORDER BY 1, 2)";

}  // namespace

Result<std::optional<TargetTable>> FindTable(postgres::Connection& connection,
                                             const std::string& schema, const std::string& name) {
  const std::string doing = fmt::format("looking for {}.{}", schema, name);
  ASSIGN_OR_RETURN(postgres::Rows rows,
                   connection
                       .Query("SELECT c.relkind FROM pg_catalog.pg_class c "
                              "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                              "WHERE n.nspname = $1 AND c.relname = $2",
                              {schema, name})
                       .Context(doing));
  if (rows.rows.empty()) return std::optional<TargetTable>();
  TargetTable table;
  table.kind = rows.rows[0][0].value_or("r").front();
  if (table.kind != 'r') return std::optional(std::move(table));
  const std::string quoted = postgres::QualifiedName(schema, name);
  ASSIGN_OR_RETURN(postgres::Rows columns,
                   connection
                       .Query("SELECT attname FROM pg_catalog.pg_attribute "
                              "WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 "
                              "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
                              {quoted})
                       .Context(doing));
  for (postgres::Row& row : columns.rows) table.columns.push_back(*std::move(row[0]));
  ASSIGN_OR_RETURN(postgres::Rows sequences,
                   connection.Query(kOwnedSequences, {quoted}).Context(doing));
  for (postgres::Row& row : sequences.rows) {
    table.sequences.push_back({*std::move(row[0]), *std::move(row[1]), 0, false});
  }
  return std::optional(std::move(table));
}

Result<bool> HasSchema(postgres::Connection& connection, const std::string& schema) {
  ASSIGN_OR_RETURN(
      postgres::Rows rows,
      connection.Query("SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", {schema}));
  return !rows.rows.empty();
}

Status RequireDeletingIsAll(postgres::Connection& connection, const std::string& schema,
                            const std::string& name, const std::string& doing,
                            const std::set<std::pair<std::string, std::string>>& without_rows) {
  ASSIGN_OR_RETURN(
      postgres::Rows rows,
      connection.Query(kConsequences, {postgres::QualifiedName(schema, name)}).Context(doing));
  for (const postgres::Row& row : rows.rows) {
    if (row[1] && row[2] && without_rows.contains({*row[1], *row[2]})) continue;
    return Error{Code::kRefused,
                 fmt::format("{}: {} would do more than that, and the role may not keep it from it",
                             doing, row[0].value_or("")),
                 "connect as a role that may set session_replication_role, or drop that first"};
  }
  return {};
}

Result<EmptiedTable> EmptiedTable::Make(postgres::Connection& connection, bool silent,
                                        const std::string& schema, const std::string& name,
                                        const std::string& condition) {
  const std::string quoted = postgres::QualifiedName(schema, name);
  const std::string doing = fmt::format("emptying {}.{}", schema, name);
  RETURN_IF_ERROR(
      connection.Query(fmt::format("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE", quoted))
          .status()
          .Context(doing));
  if (!silent) RETURN_IF_ERROR(RequireDeletingIsAll(connection, schema, name, doing));
  EmptiedTable emptied(connection);
  ASSIGN_OR_RETURN(
      postgres::Rows triggers,
      connection.Query(kTriggers, {quoted, silent ? "{R,A}" : "{O,A}"}).Context(doing));
  for (const postgres::Row& row : triggers.rows) {
    const std::string trigger = row[0].value_or("");
    RETURN_IF_ERROR(
        connection.Query(fmt::format("ALTER TABLE ONLY {} DISABLE TRIGGER {}", quoted, trigger))
            .status()
            .Context(doing));
    emptied.back_.push_back(
        fmt::format("ALTER TABLE ONLY {} {} TRIGGER {}", quoted, row[1].value_or(""), trigger));
  }
  RETURN_IF_ERROR(connection.Query(fmt::format("DELETE FROM ONLY {} {}", quoted, condition))
                      .status()
                      .Context(doing));
  return emptied;
}

Status EmptiedTable::Finish() {
  if (back_.empty()) return {};
  // A table with deferred checks cannot be altered.
  RETURN_IF_ERROR(connection_->Query("SET CONSTRAINTS ALL IMMEDIATE").status());
  for (const std::string& statement : back_)
    RETURN_IF_ERROR(connection_->Query(statement).status());
  return {};
}

Result<std::vector<std::string>> FindDanglingKeys(postgres::Connection& connection,
                                                  const std::string& schema,
                                                  const std::string& name) {
  ASSIGN_OR_RETURN(postgres::Rows checks,
                   connection.Query(kKeyChecks, {postgres::QualifiedName(schema, name)})
                       .Context(fmt::format("checking the foreign keys of {}.{}", schema, name)));
  std::vector<std::string> dangling;
  for (const postgres::Row& row : checks.rows) {
    ASSIGN_OR_RETURN(std::string count, connection.QueryCell(row[2].value_or("")));
    if (count == "0") continue;
    dangling.push_back(
        fmt::format("{} rows of {} refer to rows that are not there (foreign key {})", count,
                    row[1].value_or(""), row[0].value_or("")));
  }
  return dangling;
}

Status AdvanceSequence(postgres::Connection& connection, const SequenceValue& value) {
  const std::string name = postgres::QualifiedName(value.schema, value.name);
  return connection
      .Query(fmt::format("SELECT pg_catalog.setval($1::pg_catalog.regclass, $2::pg_catalog.int8, "
                         "$3::pg_catalog.bool) FROM {} s, pg_catalog.pg_sequence q "
                         "WHERE q.seqrelid = $1::pg_catalog.regclass AND "
                         "(($2::pg_catalog.int8 > s.last_value AND q.seqincrement > 0) "
                         "OR ($2::pg_catalog.int8 < s.last_value AND q.seqincrement < 0) "
                         "OR ($2::pg_catalog.int8 = s.last_value AND NOT s.is_called))",
                         name),
             {name, std::to_string(value.last_value), value.is_called ? "t" : "f"})
      .status()
      .Context(fmt::format("setting {}.{}", value.schema, value.name));
}

Status RevokeFromOthers(postgres::Connection& connection, const std::string& table) {
  constexpr char kRevokes[] = R"(
SELECT DISTINCT pg_catalog.format('REVOKE ALL ON %s %s FROM %s CASCADE',
  CASE o.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, o.oid::pg_catalog.regclass,
  CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END)
FROM pg_catalog.pg_class o
CROSS JOIN LATERAL pg_catalog.aclexplode(o.relacl) a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
WHERE a.grantee <> o.relowner AND (o.oid = $1::pg_catalog.regclass OR o.relkind = 'S' AND EXISTS (
  SELECT FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = o.oid
    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = $1::pg_catalog.regclass AND d.deptype IN ('a', 'i'))))";
  const std::string doing = "taking privileges on " + table + " from all but its owner";
  ASSIGN_OR_RETURN(postgres::Rows revokes, connection.Query(kRevokes, {table}).Context(doing));
  for (const postgres::Row& row : revokes.rows) {
    RETURN_IF_ERROR(connection.Query(row[0].value_or("")).status().Context(doing));
  }
  return {};
}

}  // namespace pgcairn::sources
