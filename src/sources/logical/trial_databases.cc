#include "sources/logical/trial_databases.h"

#include <fmt/format.h>

#include "postgres/identifier.h"
#include "util/log.h"

namespace pgcairn::sources {
namespace {

// With the name: who renames one, or gives its comment to another, keeps it.
constexpr char kMark[] = "Made by pgcairn restore --test, and removed by it, as ";

// The lock of a database is 16 of the digits of its name. Locks of sessions are listed for all
// databases, one of 64 bits as two numbers ("pg_locks" in PostgreSQL's chapter on system views).
constexpr char kLock[] =
    "SELECT pg_catalog.pg_advisory_lock(('x' || substr($1, 14, 16))::bit(64)::int8)";

constexpr char kAbandoned[] = R"(
SELECT d.datname FROM pg_catalog.pg_database d
WHERE d.datname ~ '^pgcairn_test_[0-9a-f]{24}$' AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
  AND pg_catalog.shobj_description(d.oid, 'pg_database') = $1 || d.datname::pg_catalog.text
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 1
    AND ((l.classid::pg_catalog.int8 << 32) | l.objid::pg_catalog.int8)
      = CASE WHEN d.datname ~ '^pgcairn_test_[0-9a-f]{24}$'
          THEN ('x' || substr(d.datname::pg_catalog.text, 14, 16))::bit(64)::int8 END)
ORDER BY d.datname)";

}  // namespace

Status ClaimTrialDatabase(postgres::Connection& connection, const std::string& name) {
  return connection.Query(kLock, {name}).status();
}

Status MarkTrialDatabase(postgres::Connection& connection, const std::string& name) {
  return connection
      .Query(fmt::format("COMMENT ON DATABASE {} IS {}", postgres::QuoteIdentifier(name),
                         postgres::QuoteLiteral(kMark + name)))
      .status();
}

// Without FORCE: the server itself refuses one that somebody is in, whatever was seen before.
Result<std::vector<std::string>> RemoveAbandonedTrialDatabases(postgres::Connection& connection) {
  ASSIGN_OR_RETURN(postgres::Rows rows,
                   connection.Query(kAbandoned, {kMark})
                       .Context("looking for databases that killed trials left behind"));
  std::vector<std::string> removed;
  for (const postgres::Row& row : rows.rows) {
    const std::string name = row[0].value_or("");
    Status dropped =
        connection.Query("DROP DATABASE IF EXISTS " + postgres::QuoteIdentifier(name)).status();
    if (dropped.ok()) {
      removed.push_back(name);
    } else {
      LogWarning("removing the database {}, which a killed trial left behind: {}", name,
                 dropped.error().message);
    }
  }
  return removed;
}

}  // namespace pgcairn::sources
