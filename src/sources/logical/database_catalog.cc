#include "sources/logical/database_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "postgres/connection_cells.h"
#include "postgres/identifier.h"

namespace pgcairn::sources {
namespace {

using postgres::NumberCell;

// Pinned objects, those of the bootstrap superuser among them, have no entries in pg_shdepend.
constexpr char kRoles[] = R"(
SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.oid IN (
  SELECT d.refobjid FROM pg_catalog.pg_shdepend d
  WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.dbid =
    (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  UNION SELECT relowner FROM pg_catalog.pg_class WHERE oid >= 16384
  UNION SELECT nspowner FROM pg_catalog.pg_namespace WHERE oid >= 16384
  UNION SELECT proowner FROM pg_catalog.pg_proc WHERE oid >= 16384
  UNION SELECT typowner FROM pg_catalog.pg_type WHERE oid >= 16384)
ORDER BY r.rolname COLLATE "C")";

constexpr char kExtensions[] = R"(
SELECT e.extname, n.nspname, e.extversion
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
ORDER BY e.extname COLLATE "C")";

// Those first that others read, also through ordinary views: who reads another one reads all that
// it reads, and so more of them. Which was made first says nothing, for a view that stands between
// can be replaced.
constexpr char kFilledViews[] = R"(
WITH RECURSIVE reads (view, relation) AS (
  SELECT w.ev_class, d.refobjid
  FROM pg_catalog.pg_rewrite w
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    AND d.objid = w.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid <> w.ev_class
), below (view, relation) AS (
  SELECT r.view, r.relation FROM reads r
  JOIN pg_catalog.pg_class c ON c.oid = r.view AND c.relkind = 'm'
  UNION SELECT b.view, r.relation FROM below b JOIN reads r ON r.view = b.relation
)
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated
ORDER BY (SELECT count(*) FROM below b JOIN pg_catalog.pg_class m ON m.oid = b.relation
  WHERE b.view = c.oid AND m.relkind = 'm'), c.oid)";

// Those of extensions come with the extension, but for configuration, and those of identity columns
// with the table, also when pg_dump leaves that out.
constexpr char kSequences[] = R"(
SELECT n.nspname, c.relname, coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  AND pg_catalog.has_sequence_privilege(c.oid, 'SELECT'), false)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
      AND d.deptype = 'e')
    OR EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'
      AND NOT coalesce(pg_catalog.has_schema_privilege(t.relnamespace, 'USAGE')
        AND pg_catalog.has_table_privilege(t.oid, 'SELECT'), false))
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C")";

// Superusers read them all; others those of which they are the owner or have SELECT
// (src/backend/catalog/aclchk.c, pg_largeobject_aclmask_snapshot).
constexpr char kMayRead[] = R"(
  (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
  OR pg_catalog.pg_has_role(m.lomowner, 'USAGE')
  OR EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
    AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE'))))";

// 262144 is INV_READ, 2 is SEEK_END (src/include/libpq/libpq-fs.h). In the order of plain values:
// an object is opened only when it may be read.
constexpr char kSize[] = R"(
  pg_catalog.lo_lseek64(pg_catalog.lo_open(m.oid, 262144), 0, 2))";

constexpr char kLargeObjects[] = R"(
SELECT m.oid, CASE WHEN {may_read} THEN {size} END, r.rolname,
  pg_catalog.obj_description(m.oid, 'pg_largeobject')
FROM pg_catalog.pg_largeobject_metadata m JOIN pg_catalog.pg_roles r ON r.oid = m.lomowner
ORDER BY m.oid)";

constexpr char kLargeObjectGrants[] = R"(
SELECT m.oid, pg_catalog.format('GRANT %s ON LARGE OBJECT %s TO %s%s', a.privilege_type, m.oid,
  CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END,
  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_catalog.pg_largeobject_metadata m CROSS JOIN LATERAL pg_catalog.aclexplode(m.lomacl) a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
WHERE a.grantee <> m.lomowner
ORDER BY 1, 2)";

// The tables as table_list.cc has them. A view depends on nothing itself: its rule does, which is
// a part of it. So are a default and a check of a table or domain: they stand within its
// definition. Members of extensions come with the extension, whatever they need.
constexpr char kNeedingHidden[] = R"(
WITH RECURSIVE needing (catalog, oid) AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, c.oid
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), false)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
        AND d.deptype = 'e')
  UNION
  SELECT found.catalog, found.oid
  FROM needing n
  JOIN pg_catalog.pg_depend d ON d.refclassid = n.catalog AND d.refobjid = n.oid
    AND d.deptype IN ('n', 'a', 'i', 'P', 'S')
  CROSS JOIN LATERAL (
    SELECT d.classid, d.objid
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, r.ev_class
    FROM pg_catalog.pg_rewrite r
    WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
      AND r.rulename = '_RETURN'
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, a.adrelid
    FROM pg_catalog.pg_attrdef a
    WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid
    UNION ALL
    SELECT CASE k.conrelid WHEN 0 THEN 'pg_catalog.pg_type'::pg_catalog.regclass
        ELSE 'pg_catalog.pg_class'::pg_catalog.regclass END::pg_catalog.oid,
      CASE k.conrelid WHEN 0 THEN k.contypid ELSE k.conrelid END
    FROM pg_catalog.pg_constraint k
    WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
      AND k.contype = 'c') AS found (catalog, oid)
)
SELECT n.catalog, n.oid FROM needing n
WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d
  WHERE d.classid = n.catalog AND d.objid = n.oid AND d.deptype = 'e')
ORDER BY n.catalog, n.oid)";

// pg_dump says how they differ from those of PostgreSQL 15, whatever the server is (getNamespaces
// in src/bin/pg_dump/pg_dump.c), so that an older one's own are lost.
constexpr char kPublicGrants[] = R"(
SELECT pg_catalog.format('GRANT %s ON SCHEMA public TO %s%s', a.privilege_type,
  CASE WHEN a.grantee = 0 THEN 'PUBLIC'
    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_catalog.pg_namespace n
CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(n.nspacl,
  pg_catalog.acldefault('n', n.nspowner))) a
WHERE n.nspname = 'public'
ORDER BY 1)";

Status ReadNeedingHidden(postgres::Connection& connection, DatabaseCatalog& catalog) {
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(kNeedingHidden));
  for (const postgres::Row& row : rows.rows) {
    CatalogObject object;
    ASSIGN_OR_RETURN(object.catalog, NumberCell<uint32_t>(row[0], "a catalog's oid"));
    ASSIGN_OR_RETURN(object.oid, NumberCell<uint32_t>(row[1], "an object's oid"));
    catalog.needing_hidden.push_back(object);
  }
  return {};
}

Status ReadPublicGrants(postgres::Connection& connection, DatabaseCatalog& catalog) {
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(kPublicGrants));
  for (postgres::Row& row : rows.rows) {
    catalog.public_grants.push_back(std::move(row[0]).value_or(""));
  }
  return {};
}

Status ReadRoles(postgres::Connection& connection, DatabaseCatalog& catalog) {
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(kRoles));
  for (postgres::Row& row : rows.rows) catalog.roles.push_back(std::move(row[0]).value_or(""));
  return {};
}

Status ReadExtensions(postgres::Connection& connection, DatabaseCatalog& catalog) {
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(kExtensions));
  for (postgres::Row& row : rows.rows) {
    catalog.extensions.push_back({std::move(row[0]).value_or(""), std::move(row[1]).value_or(""),
                                  std::move(row[2]).value_or("")});
  }
  return {};
}

Status ReadFilledViews(postgres::Connection& connection, DatabaseCatalog& catalog) {
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(kFilledViews));
  for (postgres::Row& row : rows.rows) {
    catalog.filled_views.push_back(
        {std::move(row[0]).value_or(""), std::move(row[1]).value_or("")});
  }
  return {};
}

// One query for many: each asks the sequence itself, for pg_sequences does not say is_called.
Status ReadValues(postgres::Connection& connection, std::vector<SequenceValue> sequences,
                  DatabaseCatalog& catalog) {
  std::string sql;
  for (size_t i = 0; i < sequences.size(); ++i) {
    sql += fmt::format("{}SELECT {}, last_value, is_called FROM {}", i == 0 ? "" : " UNION ALL ", i,
                       postgres::QualifiedName(sequences[i].schema, sequences[i].name));
  }
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(sql));
  for (const postgres::Row& row : rows.rows) {
    ASSIGN_OR_RETURN(size_t index, NumberCell<size_t>(row[0], "a sequence"));
    if (index >= sequences.size()) return postgres::UnexpectedCell(row[0], "a sequence");
    ASSIGN_OR_RETURN(sequences[index].last_value, NumberCell<int64_t>(row[1], "a sequence"));
    sequences[index].is_called = row[2] == "t";
  }
  std::ranges::move(sequences, std::back_inserter(catalog.sequences));
  return {};
}

Status ReadSequences(postgres::Connection& connection, DatabaseCatalog& catalog) {
  constexpr size_t kPerQuery = 200;
  ASSIGN_OR_RETURN(postgres::Rows rows, connection.Query(kSequences));
  std::vector<SequenceValue> batch;
  for (postgres::Row& row : rows.rows) {
    SequenceValue sequence;
    sequence.schema = std::move(row[0]).value_or("");
    sequence.name = std::move(row[1]).value_or("");
    if (row[2] != "t") {
      catalog.left_out.push_back(
          fmt::format("the value of the sequence {}.{}: the role {} may not read it",
                      sequence.schema, sequence.name, connection.user()));
      continue;
    }
    batch.push_back(std::move(sequence));
    if (batch.size() == kPerQuery) {
      RETURN_IF_ERROR(ReadValues(connection, std::exchange(batch, {}), catalog));
    }
  }
  return batch.empty() ? Status() : ReadValues(connection, std::move(batch), catalog);
}

Status ReadLargeObjects(postgres::Connection& connection, DatabaseCatalog& catalog) {
  ASSIGN_OR_RETURN(postgres::Rows rows,
                   connection.Query(fmt::format(kLargeObjects, fmt::arg("may_read", kMayRead),
                                                fmt::arg("size", kSize))));
  for (postgres::Row& row : rows.rows) {
    LargeObject object;
    ASSIGN_OR_RETURN(object.oid, NumberCell<uint32_t>(row[0], "a large object"));
    if (!row[1]) {
      catalog.left_out.push_back(fmt::format("the large object {}: the role {} may not read it",
                                             object.oid, connection.user()));
      continue;
    }
    ASSIGN_OR_RETURN(object.size, NumberCell<uint64_t>(row[1], "a large object's size"));
    object.owner = std::move(row[2]).value_or("");
    object.comment = std::move(row[3]);
    catalog.large_objects.push_back(std::move(object));
  }
  ASSIGN_OR_RETURN(postgres::Rows grants, connection.Query(kLargeObjectGrants));
  for (postgres::Row& row : grants.rows) {
    ASSIGN_OR_RETURN(uint32_t oid, NumberCell<uint32_t>(row[0], "a large object"));
    auto object = std::ranges::lower_bound(catalog.large_objects, oid, {}, &LargeObject::oid);
    if (object == catalog.large_objects.end() || object->oid != oid) continue;
    object->grants.push_back(std::move(row[1]).value_or(""));
  }
  return {};
}

}  // namespace

Result<DatabaseCatalog> ReadDatabaseCatalog(postgres::Connection& connection) {
  constexpr char kDoing[] = "reading the catalog of the database";
  DatabaseCatalog catalog;
  RETURN_IF_ERROR(ReadRoles(connection, catalog).Context(kDoing));
  RETURN_IF_ERROR(ReadExtensions(connection, catalog).Context(kDoing));
  RETURN_IF_ERROR(ReadFilledViews(connection, catalog).Context(kDoing));
  RETURN_IF_ERROR(ReadSequences(connection, catalog).Context(kDoing));
  RETURN_IF_ERROR(ReadLargeObjects(connection, catalog).Context(kDoing));
  RETURN_IF_ERROR(ReadNeedingHidden(connection, catalog).Context(kDoing));
  RETURN_IF_ERROR(ReadPublicGrants(connection, catalog).Context(kDoing));
  return catalog;
}

std::string CopyOfLargeObjects() {
  return fmt::format(
      "COPY (SELECT o.oid, n, pg_catalog.lo_get(o.oid, n * {0}, {0}) FROM (SELECT m.oid, {1} AS "
      "size FROM pg_catalog.pg_largeobject_metadata m WHERE {2} OFFSET 0) o, "
      "pg_catalog.generate_series(0, (o.size - 1) / {0}) n WHERE o.size > 0 ORDER BY 1, 2) TO "
      "STDOUT",
      kLargeObjectPageBytes, kSize, kMayRead);
}

}  // namespace pgcairn::sources
