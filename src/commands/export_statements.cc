#include "commands/export_statements.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "postgres/identifier.h"

namespace pgcairn::commands {
namespace {

// Rows that the extension made and no backup has, because a condition leaves them out or their
// table is no configuration, must not go or change with those that come back. ONLY: rows of tables
// that inherit from it are no part of it.
constexpr std::string_view kClear = R"(DECLARE
  emptied pg_catalog.regclass := {};
  before pg_catalog.text := pg_catalog.current_setting('session_replication_role');
  key record;
  has_rows boolean;
BEGIN
  FOR key IN
    SELECT conname, conrelid::pg_catalog.regclass AS child,
      confdeltype IN ('c', 'n', 'd') AS changes
    FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND confrelid = emptied AND conrelid <> emptied
  LOOP
    BEGIN
      EXECUTE 'SELECT EXISTS (SELECT FROM ONLY ' || key.child || ')' INTO has_rows;
      IF has_rows THEN
        PERFORM pg_catalog.set_config('session_replication_role', 'replica', true);
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      IF key.changes THEN
        RAISE EXCEPTION 'emptying % would change rows of %, which no backup has (foreign key %)',
          emptied, key.child, key.conname
          USING HINT = 'Load as a role that may set session_replication_role.';
      END IF;
    END;
  END LOOP;
  EXECUTE 'DELETE FROM ONLY ' || emptied;
  IF before <> pg_catalog.current_setting('session_replication_role') THEN
    PERFORM pg_catalog.set_config('session_replication_role', before, true);
  END IF;
END)";

// Such rows were left alone, also those that refer to what the database had not any more: of a key
// that cascades, they went with that there. Without the privilege the keys were watched over, and
// nothing can dangle. The comparison is that of FindDanglingKeys.
constexpr std::string_view kSettle = R"(DECLARE
  filled pg_catalog.regclass := {};
  key record;
  has_rows boolean;
BEGIN
  BEGIN
    PERFORM pg_catalog.set_config('session_replication_role',
      pg_catalog.current_setting('session_replication_role'), true);
  EXCEPTION WHEN insufficient_privilege THEN
    RETURN;
  END;
  FOR key IN
    SELECT con.conname, con.conrelid::pg_catalog.regclass AS child,
      con.confdeltype = 'c' AS cascades,
      pg_catalog.format('FROM %s %s c WHERE %s AND NOT EXISTS (SELECT FROM ONLY %s p WHERE %s)',
        CASE child.relkind WHEN 'p' THEN '' ELSE 'ONLY' END, con.conrelid::pg_catalog.regclass,
        pg_catalog.string_agg(pg_catalog.format('c.%I IS NOT NULL', a.attname), ' AND '), filled,
        pg_catalog.string_agg(pg_catalog.format('p.%I OPERATOR(%I.%s) c.%I', b.attname, n.nspname,
          o.oprname, a.attname), ' AND ')) AS dangling
    FROM pg_catalog.pg_constraint con
    JOIN pg_catalog.pg_class child ON child.oid = con.conrelid
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(con.conkey), pg_catalog.unnest(con.confkey),
      pg_catalog.unnest(con.conpfeqop)) AS k (own, other, op)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.own
    JOIN pg_catalog.pg_attribute b ON b.attrelid = con.confrelid AND b.attnum = k.other
    JOIN pg_catalog.pg_operator o ON o.oid = k.op
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
    WHERE con.contype = 'f' AND con.convalidated AND con.conparentid = 0
      AND con.confrelid = filled AND con.conrelid <> filled
    GROUP BY con.oid, con.conname, con.conrelid, con.confdeltype, child.relkind
  LOOP
    IF key.cascades THEN
      EXECUTE 'DELETE ' || key.dangling;
      CONTINUE;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT ' || key.dangling || ')' INTO has_rows;
    IF has_rows THEN
      RAISE EXCEPTION 'rows of % refer to rows of % that are not there (foreign key %)',
        key.child, filled, key.conname
        USING HINT = 'They came with the extension; the database that was backed up had none.';
    END IF;
  END LOOP;
END)";

// pg_restore ends a statement at any semicolon outside of quotes, and knows no dollar quoting
// (ExecuteSimpleCommands of pg_backup_db.c).
std::string Block(std::string_view body, const format::LogicalTable& table) {
  const std::string name = StandardLiteral(postgres::QualifiedName(table.schema(), table.name()));
  return fmt::format("DO {};\n", StandardLiteral(fmt::format(fmt::runtime(body), name)));
}

}  // namespace

std::string StandardLiteral(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

std::string CopyStatement(const format::LogicalTable& table) {
  const bool through_another = !table.load_name().empty();
  const std::string into = through_another
                               ? postgres::QualifiedName(table.load_schema(), table.load_name())
                               : postgres::QualifiedName(table.schema(), table.name());
  std::vector<std::string> columns;
  for (const std::string& column : table.columns()) {
    columns.push_back(postgres::QuoteIdentifier(column));
  }
  const std::string listed = columns.empty() ? "" : fmt::format(" ({})", fmt::join(columns, ", "));
  return fmt::format("COPY {}{} FROM stdin;\n", into, listed);
}

bool NeedsClearing(const format::LogicalTable& table) {
  return table.of_extension() && table.condition().empty();
}

std::string ClearStatement(const format::LogicalTable& table) { return Block(kClear, table); }

std::string SettleStatement(const format::LogicalTable& table) { return Block(kSettle, table); }

// Of roles with a name pg_dump says all: no server gives them any by itself, but the owner all.
std::string PublicSchemaStatements(const format::LogicalCatalog& catalog) {
  constexpr std::string_view kToEverybody = " TO PUBLIC";
  if (catalog.public_grants().empty()) return "";
  std::string all = "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n";
  for (std::string_view grant : catalog.public_grants()) {
    if (grant.ends_with(kToEverybody)) all += fmt::format("{};\n", grant);
  }
  return all;
}

std::string SequenceStatement(const format::LogicalSequence& sequence) {
  std::string value = std::to_string(sequence.last_value());
  // Unquoted, the lowest bigint is a minus and a number that is no bigint.
  if (sequence.last_value() < 0) value = StandardLiteral(value);
  return fmt::format("SELECT pg_catalog.setval({}::regclass, {}, {});\n",
                     StandardLiteral(postgres::QualifiedName(sequence.schema(), sequence.name())),
                     value, sequence.is_called());
}

std::string RefreshStatement(const format::LogicalView& view) {
  return fmt::format("REFRESH MATERIALIZED VIEW {};\n",
                     postgres::QualifiedName(view.schema(), view.name()));
}

std::string CreateStatement(const format::LogicalLargeObject& object) {
  return fmt::format("SELECT pg_catalog.lo_create({});\n", object.oid());
}

std::string PutStatement(uint32_t oid, uint64_t offset, std::string_view hex) {
  return fmt::format("SELECT pg_catalog.lo_put({}, {}, '\\x{}'::bytea);\n", oid, offset, hex);
}

std::string OwnerStatement(const format::LogicalLargeObject& object) {
  if (object.owner().empty()) return "";
  return fmt::format("ALTER LARGE OBJECT {} OWNER TO {};\n", object.oid(),
                     postgres::QuoteIdentifier(object.owner()));
}

std::string GrantStatements(const format::LogicalLargeObject& object) {
  std::string all;
  for (std::string_view grant : object.grants()) {
    grant = grant.substr(0, grant.find_last_not_of("; \n") + 1);
    all += fmt::format("{};\n", grant);
  }
  return all;
}

std::string CommentStatement(const format::LogicalLargeObject& object) {
  if (!object.has_comment()) return "";
  return fmt::format("COMMENT ON LARGE OBJECT {} IS {};\n", object.oid(),
                     StandardLiteral(object.comment()));
}

}  // namespace pgcairn::commands
