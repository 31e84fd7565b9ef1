#include "sources/logical/target_definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "postgres/identifier.h"
#include "sources/logical/target_rows.h"

namespace pgcairn::sources {
namespace {

// As the dump's list has them: the name of a kind, a schema or "-", and what pg_dump.c takes for
// the entry's tag, with a space in the place of a line's end. Of relations, functions and so on the
// owner is asked, of what belongs to a table the table's.
constexpr char kThere[] = R"(
WITH schema AS (
  SELECT oid, nspname, nspowner FROM pg_catalog.pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), relation AS (
  SELECT c.oid, c.relkind, c.relname, n.nspname, c.relowner
  FROM pg_catalog.pg_class c JOIN schema n ON n.oid = c.relnamespace
), found (kind, schema, name, owner) AS (
  SELECT 'SCHEMA', '-', nspname::text, nspowner FROM schema
  UNION ALL
  SELECT 'EXTENSION', '-', extname, extowner FROM pg_catalog.pg_extension
  UNION ALL
  SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
    WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'i' THEN 'INDEX' WHEN 'I' THEN 'INDEX' WHEN 'c' THEN 'TYPE'
    ELSE 'TABLE' END, nspname, relname, relowner
  FROM relation
  UNION ALL
  SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, n.nspname, t.typname, t.typowner
  FROM pg_catalog.pg_type t JOIN schema n ON n.oid = t.typnamespace
  WHERE t.typrelid = 0
  UNION ALL
  SELECT CASE p.prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
    n.nspname, pg_catalog.format('%s(%s)', p.proname, CASE
      WHEN p.prokind = 'a' AND p.pronargs = 0 THEN '*'
      ELSE pg_catalog.array_to_string(ARRAY(
        SELECT pg_catalog.format_type(a.type, NULL)
        FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY AS a (type, place)
        ORDER BY a.place), ', ') END), p.proowner
  FROM pg_catalog.pg_proc p JOIN schema n ON n.oid = p.pronamespace
  UNION ALL
  SELECT CASE c.contype WHEN 'f' THEN 'FK CONSTRAINT' WHEN 'c' THEN 'CHECK CONSTRAINT'
    ELSE 'CONSTRAINT' END, r.nspname, r.relname || ' ' || c.conname, r.relowner
  FROM pg_catalog.pg_constraint c JOIN relation r ON r.oid = c.conrelid
  UNION ALL
  SELECT 'TRIGGER', r.nspname, r.relname || ' ' || t.tgname, r.relowner
  FROM pg_catalog.pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'RULE', r.nspname, r.relname || ' ' || w.rulename, r.relowner
  FROM pg_catalog.pg_rewrite w JOIN relation r ON r.oid = w.ev_class
  UNION ALL
  SELECT 'POLICY', r.nspname, r.relname || ' ' || p.polname, r.relowner
  FROM pg_catalog.pg_policy p JOIN relation r ON r.oid = p.polrelid
  UNION ALL
  SELECT 'DEFAULT', r.nspname, r.relname || ' ' || a.attname, r.relowner
  FROM pg_catalog.pg_attrdef d JOIN relation r ON r.oid = d.adrelid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
  UNION ALL
  SELECT 'STATISTICS', n.nspname, s.stxname, s.stxowner
  FROM pg_catalog.pg_statistic_ext s JOIN schema n ON n.oid = s.stxnamespace
  UNION ALL
  SELECT 'COLLATION', n.nspname, c.collname, c.collowner
  FROM pg_catalog.pg_collation c JOIN schema n ON n.oid = c.collnamespace
  UNION ALL
  SELECT 'TEXT SEARCH CONFIGURATION', n.nspname, c.cfgname, c.cfgowner
  FROM pg_catalog.pg_ts_config c JOIN schema n ON n.oid = c.cfgnamespace
  UNION ALL
  SELECT 'TEXT SEARCH DICTIONARY', n.nspname, d.dictname, d.dictowner
  FROM pg_catalog.pg_ts_dict d JOIN schema n ON n.oid = d.dictnamespace
  UNION ALL
  SELECT 'PUBLICATION', '-', pubname, pubowner FROM pg_catalog.pg_publication
  UNION ALL
  SELECT 'PUBLICATION TABLE', r.nspname, p.pubname || ' ' || r.relname, r.relowner
  FROM pg_catalog.pg_publication_rel m JOIN pg_catalog.pg_publication p ON p.oid = m.prpubid
  JOIN relation r ON r.oid = m.prrelid
  UNION ALL
  SELECT 'EVENT TRIGGER', '-', evtname, evtowner FROM pg_catalog.pg_event_trigger
  UNION ALL
  SELECT 'PROCEDURAL LANGUAGE', '-', lanname, lanowner FROM pg_catalog.pg_language
  UNION ALL
  SELECT 'FOREIGN DATA WRAPPER', '-', fdwname, fdwowner FROM pg_catalog.pg_foreign_data_wrapper
  UNION ALL
  SELECT 'SERVER', '-', srvname, srvowner FROM pg_catalog.pg_foreign_server
)
SELECT pg_catalog.translate(kind || ' ' || found.schema || ' ' || name, E'\n\r', '  '),
  CASE WHEN r.rolname = current_user THEN 'role'
    WHEN pg_catalog.pg_has_role(owner, 'USAGE') AND NOT r.rolsuper
      AND (s.nspname IS NULL OR s.nspname = 'public' OR NOT o.rolsuper) THEN 'user' END
FROM found JOIN pg_catalog.pg_roles r ON r.oid = owner
LEFT JOIN schema s ON s.nspname = found.schema
LEFT JOIN pg_catalog.pg_roles o ON o.oid = s.nspowner)";

constexpr char kRelationsThere[] = R"(
SELECT pg_catalog.translate(n.nspname || ' ' || c.relname, E'\n\r', '  '), r.rolname,
  pg_catalog.pg_has_role(c.relowner, 'USAGE'), pg_catalog.has_table_privilege(c.oid, 'TRIGGER'),
  pg_catalog.has_any_column_privilege(c.oid, 'REFERENCES')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema')";

// Since 16 a member may be kept from taking the role on (src/backend/commands/user.c). One that
// does not inherit could give it tables, and not fill them.
std::string RolesToBe(int major) {
  return fmt::format(
      "SELECT rolname FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(oid, '{}') "
      "AND pg_catalog.pg_has_role(oid, 'USAGE')",
      major >= 16 ? "SET" : "MEMBER");
}

constexpr char kSchemasToMakeIn[] = R"(
SELECT nspname FROM pg_catalog.pg_namespace
WHERE pg_catalog.has_schema_privilege(oid, 'CREATE') AND nspname !~ '^pg_')";

// A function of extensions comes and goes with them. Whose things are, as in kThere.
constexpr char kOwn[] = R"(
SELECT f.what, f.head, CASE WHEN f.relkind = 'r' THEN f.oid::pg_catalog.regclass END FROM (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, n.oid,
    CASE c.relkind WHEN 'v' THEN 'the view ' WHEN 'm' THEN 'the materialized view '
      WHEN 'f' THEN 'the foreign table ' WHEN 'c' THEN 'the type '
      ELSE 'the table ' END || n.nspname || '.' || c.relname,
    CASE c.relkind WHEN 'v' THEN 'VIEW ' WHEN 'm' THEN 'MATERIALIZED VIEW '
      WHEN 'f' THEN 'FOREIGN TABLE ' WHEN 'c' THEN 'TYPE ' ELSE 'TABLE ' END
      || n.nspname || ' ' || c.relname,
    c.relkind, c.relowner
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't'
  UNION ALL
  SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, n.oid,
    'the function ' || n.nspname || '.' || p.proname,
    CASE p.prokind WHEN 'a' THEN 'AGGREGATE ' WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END
      || n.nspname || ' ' || p.proname || '(' || pg_catalog.array_to_string(ARRAY(
        SELECT pg_catalog.format_type(a.type, NULL)
        FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY AS a (type, place)
        ORDER BY a.place), ', ') || ')', NULL, p.proowner
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  UNION ALL
  SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, n.oid, 'the type ' || n.nspname || '.' || t.typname,
    CASE t.typtype WHEN 'd' THEN 'DOMAIN ' ELSE 'TYPE ' END || n.nspname || ' ' || t.typname,
    NULL, t.typowner
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typtype IN ('d', 'e', 'r')
  UNION ALL
  SELECT 'pg_catalog.pg_largeobject_metadata'::pg_catalog.regclass, oid, NULL,
    'the large object ' || oid, '', NULL, lomowner
  FROM pg_catalog.pg_largeobject_metadata
) AS f (class, oid, schema, what, head, relkind, owner)
JOIN pg_catalog.pg_roles r ON r.oid = f.owner
LEFT JOIN pg_catalog.pg_namespace s ON s.oid = f.schema
LEFT JOIN pg_catalog.pg_roles o ON o.oid = s.nspowner
WHERE f.oid >= 16384 AND (r.rolname = current_user
    OR pg_catalog.pg_has_role(f.owner, 'USAGE') AND NOT r.rolsuper
      AND (s.oid IS NULL OR s.nspname = 'public' OR NOT o.rolsuper))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = f.class AND d.objid = f.oid AND d.deptype = 'e')
ORDER BY f.what COLLATE "C")";

// Privileges of one schema begin with none, those of the whole database with what everybody has
// (SetDefaultACL in src/backend/catalog/aclchk.c).
constexpr char kDefaultPrivileges[] = R"(
SELECT pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE ALL ON %s FROM %s',
  current_user, coalesce(' IN SCHEMA ' || pg_catalog.quote_ident(n.nspname), ''), k.kind,
  CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(g.rolname) END)
FROM pg_catalog.pg_default_acl d
JOIN (VALUES ('r'::"char", 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('T', 'TYPES'),
  ('n', 'SCHEMAS')) AS k (object, kind) ON k.object = d.defaclobjtype
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
CROSS JOIN LATERAL (SELECT DISTINCT grantee FROM pg_catalog.aclexplode(d.defaclacl)) a
LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee
WHERE d.defaclrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
UNION ALL
SELECT pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT ALL ON %s TO %s', current_user,
  k.kind, t.grantee)
FROM pg_catalog.pg_default_acl d
JOIN (VALUES ('r'::"char", 'TABLES', false), ('S', 'SEQUENCES', false), ('f', 'FUNCTIONS', true),
  ('T', 'TYPES', true), ('n', 'SCHEMAS', false)) AS k (object, kind, everybody)
  ON k.object = d.defaclobjtype
CROSS JOIN LATERAL (SELECT pg_catalog.quote_ident(current_user) UNION ALL
  SELECT 'PUBLIC' WHERE k.everybody) AS t (grantee)
WHERE d.defaclnamespace = 0
  AND d.defaclrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user))";

constexpr char kGrantsOnPublic[] = R"(
SELECT DISTINCT pg_catalog.format('REVOKE ALL ON SCHEMA public FROM %s CASCADE',
  CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END)
FROM pg_catalog.pg_namespace n
CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(n.nspacl,
  pg_catalog.acldefault('n', n.nspowner))) a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
WHERE n.nspname = 'public' AND pg_catalog.pg_has_role(n.nspowner, 'USAGE'))";

Result<std::vector<std::string>> FirstCellsOf(postgres::Connection& connection,
                                              const std::string& sql) {
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(sql));
  std::vector<std::string> cells;
  for (postgres::Row& row : rows.rows) cells.push_back(std::move(row[0]).value_or(""));
  return cells;
}

// The right is asked first, and no function that is none of event triggers is taken
// (CreateEventTrigger in src/backend/commands/event_trigger.c): this is never carried out.
Result<bool> MayMakeEventTriggers(postgres::Connection& connection) {
  Status refused = connection
                       .Query(
                           "CREATE EVENT TRIGGER pgcairn_asks ON ddl_command_end "
                           "EXECUTE FUNCTION pg_catalog.now()")
                       .status();
  if (!refused.ok() && refused.code() == Code::kConnection) return refused;
  return !refused.ok() && refused.code() != Code::kPermission;
}

Status ReadRole(postgres::Connection& connection, TargetDefinitions& target) {
  ASSIGN_OR_RETURN(postgres::Rows role,
                   connection.Query("SELECT current_user, rolsuper, rolsuper OR rolbypassrls "
                                    "FROM pg_catalog.pg_roles WHERE rolname = current_user"));
  if (role.rows.size() != 1) return Error{Code::kFailed, "the server does not know its role", ""};
  target.role = role.rows[0][0].value_or("");
  target.superuser = role.rows[0][1] == "t";
  target.bypasses_row_security = role.rows[0][2] == "t";
  ASSIGN_OR_RETURN(std::vector<std::string> roles,
                   FirstCellsOf(connection, RolesToBe(connection.server_major())));
  target.roles = {roles.begin(), roles.end()};
  ASSIGN_OR_RETURN(
      std::vector<std::string> superusers,
      FirstCellsOf(connection, "SELECT rolname FROM pg_catalog.pg_roles WHERE rolsuper"));
  target.superusers = {superusers.begin(), superusers.end()};
  ASSIGN_OR_RETURN(std::vector<std::string> schemas, FirstCellsOf(connection, kSchemasToMakeIn));
  target.schemas = {schemas.begin(), schemas.end()};
  ASSIGN_OR_RETURN(target.may_make_event_triggers, MayMakeEventTriggers(connection));
  return {};
}

Status ReadObjects(postgres::Connection& connection, TargetDefinitions& target) {
  ASSIGN_OR_RETURN(postgres::Rows there, connection.Query(kThere));
  for (postgres::Row& row : there.rows) {
    target.there[std::move(row[0]).value_or("")] = row[1] == "role"   ? Whose::kRole
                                                   : row[1] == "user" ? Whose::kUser
                                                                      : Whose::kOthers;
  }
  ASSIGN_OR_RETURN(postgres::Rows tables, connection.Query(kRelationsThere));
  for (postgres::Row& row : tables.rows) {
    target.tables[row[0].value_or("")] = {row[1].value_or(""), row[2] == "t", row[3] == "t",
                                          row[4] == "t"};
  }
  return {};
}

}  // namespace

std::string HeadOf(std::string_view kind, std::string_view schema, std::string_view name) {
  std::string head = fmt::format("{} {} {}", kind, schema, name);
  std::ranges::replace(head, '\n', ' ');
  std::ranges::replace(head, '\r', ' ');
  return head;
}

Result<TargetDefinitions> ReadTargetDefinitions(postgres::Connection& connection) {
  constexpr char kDoing[] = "looking into the target database";
  TargetDefinitions target;
  RETURN_IF_ERROR(ReadRole(connection, target).Context(kDoing));
  RETURN_IF_ERROR(ReadObjects(connection, target).Context(kDoing));
  return target;
}

// Whose the table is, the server asks before it waits for a lock (RangeVarCallbackForPolicy in
// src/backend/commands/policy.c), and the condition after that.
Result<bool> MayMakePolicies(postgres::Connection& connection, const std::string& table) {
  RETURN_IF_ERROR(connection.Query("SET lock_timeout = '1s'").status());
  Status refused = connection
                       .Query(fmt::format("CREATE POLICY pgcairn_asks ON {} USING "
                                          "(\"no such column of any table\")",
                                          table))
                       .status();
  RETURN_IF_ERROR(connection.Query("SET lock_timeout = 0").status());
  return !refused.ok() && refused.code() != Code::kPermission;
}

Result<std::vector<std::string>> FindOwnWork(postgres::Connection& connection,
                                             const std::set<std::string>& known) {
  ASSIGN_OR_RETURN(postgres::Rows rows,
                   connection.Query(kOwn).Context("looking for what the role owns"));
  std::vector<std::string> work;
  for (const postgres::Row& row : rows.rows) {
    const std::string what = row[0].value_or("");
    if (row[2]) {
      ASSIGN_OR_RETURN(bool some, HasRows(connection, *row[2]));
      if (some) work.push_back(what + " with rows");
    } else if (!known.contains(row[1].value_or(""))) {
      work.push_back(what);
    }
  }
  return work;
}

Result<std::vector<std::string>> WithoutDefaultPrivileges(postgres::Connection& connection) {
  return FirstCellsOf(connection, kDefaultPrivileges);
}

Result<std::vector<std::string>> WithoutPublicGrants(postgres::Connection& connection) {
  return FirstCellsOf(connection, kGrantsOnPublic);
}

}  // namespace pgcairn::sources
