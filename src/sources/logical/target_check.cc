#include "sources/logical/target_check.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/identifier.h"

namespace pgcairn::sources {
namespace {

// Whatever has an oid from 16384 on was made after initdb (FirstNormalObjectId in
// src/include/access/transam.h); members of extensions come and go with them. plpgsql is older.
constexpr char kUserObjects[] = R"(
WITH members AS (
  SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), found (class, oid, what) AS (
  SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, 'schema ' || n.nspname
  FROM pg_catalog.pg_namespace n
  WHERE n.oid >= 16384 AND n.nspname <> 'public' AND n.nspname !~ '^pg_'
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid,
    CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence '
      WHEN 'f' THEN 'foreign table ' WHEN 'c' THEN 'type ' ELSE 'table ' END
      || n.nspname || '.' || c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 'function ' || n.nspname || '.' || p.proname
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE p.oid >= 16384 AND n.nspname !~ '^pg_'
  UNION ALL
  SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 'type ' || n.nspname || '.' || t.typname
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  WHERE t.oid >= 16384 AND t.typtype IN ('d', 'e', 'r') AND n.nspname !~ '^pg_'
  UNION ALL
  SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, oid, 'publication ' || pubname
  FROM pg_catalog.pg_publication WHERE oid >= 16384
  UNION ALL
  SELECT 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, oid, 'event trigger ' || evtname
  FROM pg_catalog.pg_event_trigger WHERE oid >= 16384
  UNION ALL
  SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid,
    'foreign data wrapper ' || fdwname
  FROM pg_catalog.pg_foreign_data_wrapper WHERE oid >= 16384
  UNION ALL
  SELECT 'pg_catalog.pg_largeobject_metadata'::pg_catalog.regclass, oid, 'large object ' || oid
  FROM pg_catalog.pg_largeobject_metadata
)
SELECT what FROM found
WHERE NOT EXISTS (
  SELECT FROM members WHERE members.classid = found.class AND members.objid = found.oid)
ORDER BY what COLLATE "C" LIMIT 5)";

// The names as the parameter of one statement, so that no list is too long for it.
std::string ArrayOf(const std::vector<std::string>& names) {
  std::string array = "{";
  for (const std::string& name : names) {
    if (array.size() > 1) array += ',';
    array += '"';
    for (char c : name) {
      if (c == '"' || c == '\\') array += '\\';
      array += c;
    }
    array += '"';
  }
  return array + "}";
}

std::vector<std::string> FirstCells(postgres::Rows rows) {
  std::vector<std::string> cells;
  for (postgres::Row& row : rows.rows) cells.push_back(std::move(row[0]).value_or(""));
  return cells;
}

}  // namespace

Result<std::vector<std::string>> FindUserObjects(postgres::Connection& connection) {
  ASSIGN_OR_RETURN(postgres::Rows rows,
                   connection.Query(kUserObjects).Context("looking into the target database"));
  return FirstCells(std::move(rows));
}

Result<std::vector<std::string>> FindMissingRoles(postgres::Connection& connection,
                                                  const std::vector<std::string>& roles) {
  ASSIGN_OR_RETURN(
      postgres::Rows rows,
      connection
          .Query("SELECT role FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS "
                 "wanted (role, place) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles "
                 "WHERE rolname = role) ORDER BY place",
                 {ArrayOf(roles)})
          .Context("looking for the roles"));
  return FirstCells(std::move(rows));
}

Status CreateStubRole(postgres::Connection& connection, const std::string& role) {
  return connection.Query(fmt::format("CREATE ROLE {} NOLOGIN", postgres::QuoteIdentifier(role)))
      .status()
      .Context(fmt::format("making the role {}", role));
}

// Those of a trusted extension may be made by whoever may make schemas in the database
// (CreateExtensionInternal in src/backend/commands/extension.c). Supabase's supautils has a list of
// more.
Result<ExtensionOffer> FindExtension(postgres::Connection& connection, const std::string& name) {
  ASSIGN_OR_RETURN(
      postgres::Rows rows,
      connection
          .Query("SELECT coalesce(e.installed_version, e.default_version), "
                 "e.installed_version IS NOT NULL, "
                 "(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) "
                 "OR e.name = ANY (pg_catalog.regexp_split_to_array(coalesce("
                 "pg_catalog.current_setting('supautils.privileged_extensions', true), ''), "
                 "E'\\s*,\\s*')) "
                 "OR EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v "
                 "WHERE v.name = e.name AND v.version = e.default_version AND "
                 "(NOT v.superuser OR v.trusted)) "
                 "FROM pg_catalog.pg_available_extensions e WHERE e.name = $1",
                 {name})
          .Context(fmt::format("looking for the extension {}", name)));
  ExtensionOffer offer;
  offer.available = !rows.rows.empty();
  if (!offer.available) return offer;
  offer.version = std::move(rows.rows[0][0]).value_or("");
  offer.installed = rows.rows[0][1] == "t";
  offer.creatable = rows.rows[0][2] == "t";
  return offer;
}

Result<bool> OffersVersion(postgres::Connection& connection, const std::string& name,
                           const std::string& version) {
  ASSIGN_OR_RETURN(postgres::Rows rows,
                   connection
                       .Query("SELECT FROM pg_catalog.pg_available_extension_versions "
                              "WHERE name = $1 AND version = $2",
                              {name, version})
                       .Context(fmt::format("looking for versions of the extension {}", name)));
  return !rows.rows.empty();
}

}  // namespace pgcairn::sources
