#include "postgres/database_facts.h"

#include "postgres/connection_cells.h"
#include "postgres/server_facts.h"
#include "postgres/wal_switch.h"

namespace pgcairn::postgres {
namespace {

// Of other roles' sessions backend_type is hidden from most (src/backend/utils/adt/pgstatfuncs.c).
// A limit of -1 is none. Who may use reserved slots is not asked: they are for emergencies.
constexpr char kFacts[] = R"(
SELECT d.datname, d.oid, pg_catalog.pg_encoding_to_char(d.encoding), r.rolsuper,
       (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_segment_size'),
       LEAST(
         pg_catalog.current_setting('max_connections')::int4
           - pg_catalog.current_setting('superuser_reserved_connections')::int4
           - coalesce(pg_catalog.current_setting('reserved_connections', true)::int4, 0)
           - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
              WHERE coalesce(backend_type, 'client backend') = 'client backend'),
         CASE WHEN d.datconnlimit >= 0 THEN d.datconnlimit
           - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
              WHERE datid = d.oid AND coalesce(backend_type, 'client backend') = 'client backend') END,
         CASE WHEN r.rolconnlimit >= 0 THEN r.rolconnlimit
           - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
              WHERE usesysid = r.oid AND coalesce(backend_type, 'client backend') = 'client backend') END)
FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
WHERE d.datname = pg_catalog.current_database() AND r.rolname = session_user)";

Result<SystemIdentifier> ReadSystemIdentifier(Connection& connection) {
  constexpr char kFunction[] = "pg_catalog.pg_control_system()";
  Result<std::string> answer =
      connection.QueryCell(std::string("SELECT system_identifier FROM ") + kFunction);
  if (!answer.ok()) {
    Error error = answer.error();
    if (error.code == Code::kPermission) {
      error.hint = GrantFunctionHint(kFunction, connection.user());
    }
    return error;
  }
  // SQL has no unsigned 64-bit type: the server shows the same bits as a signed number.
  ASSIGN_OR_RETURN(int64_t bits, NumberCell<int64_t>(*answer, "the system identifier"));
  return SystemIdentifier{static_cast<uint64_t>(bits)};
}

}  // namespace

Result<DatabaseFacts> ReadDatabaseFacts(Connection& connection) {
  constexpr char kDoing[] = "asking the server about itself";
  DatabaseFacts facts;
  facts.version_num = connection.server_version_num();
  facts.major = connection.server_major();
  RETURN_IF_ERROR(CheckServerMajor(facts.major));
  ASSIGN_OR_RETURN(facts.system_identifier, ReadSystemIdentifier(connection).Context(kDoing));
  ASSIGN_OR_RETURN(Rows rows, connection.Query(kFacts).Context(kDoing));
  if (rows.rows.size() != 1) return Error{Code::kFailed, "the server does not know itself", ""};
  Row& row = rows.rows[0];
  facts.database = std::move(row[0]).value_or("");
  ASSIGN_OR_RETURN(facts.database_oid, NumberCell<uint32_t>(row[1], "the database's oid"));
  facts.encoding = std::move(row[2]).value_or("");
  facts.superuser = row[3] == "t";
  ASSIGN_OR_RETURN(facts.wal_segment_size, NumberCell<uint64_t>(row[4], "wal_segment_size"));
  ASSIGN_OR_RETURN(facts.free_connections, NumberCell<int>(row[5], "the free connections"));
  return facts;
}

}  // namespace pgcairn::postgres
