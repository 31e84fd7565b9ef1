#include "postgres/wal_switch.h"

#include <fmt/format.h>

#include "postgres/connection_cells.h"
#include "postgres/least_privilege.h"

namespace pgcairn::postgres {
namespace {

Result<Lsn> QueryLsn(Connection& connection, const std::string& sql, const std::string& function,
                     const std::vector<std::string>& params = {}) {
  Result<std::string> answer = connection.QueryCell(sql, params);
  if (!answer.ok()) {
    Error error = answer.error();
    if (error.code == Code::kPermission && error.hint.empty()) {
      error.hint = GrantFunctionHint(function, connection.user());
    }
    return error;
  }
  return LsnCell(*answer, function);
}

}  // namespace

std::string GrantFunctionHint(const std::string& function, const std::string& role) {
  return fmt::format("as a superuser, in the same database: GRANT EXECUTE ON FUNCTION {} TO {};",
                     function, QuoteIdentifier(role));
}

Result<Lsn> EmitWalMarker(Connection& connection) {
  return QueryLsn(connection, "SELECT pg_catalog.pg_logical_emit_message(false, 'pgcairn', '')",
                  connection.server_major() >= 17
                      ? "pg_catalog.pg_logical_emit_message(boolean, text, text, boolean)"
                      : "pg_catalog.pg_logical_emit_message(boolean, text, text)")
      .Context("writing a marker into the write-ahead log");
}

Result<Lsn> SwitchWal(Connection& connection) {
  return QueryLsn(connection, "SELECT pg_catalog.pg_switch_wal()", "pg_catalog.pg_switch_wal()")
      .Context("switching to a new WAL segment");
}

Result<Lsn> CreateRestorePoint(Connection& connection, const std::string& name) {
  return QueryLsn(connection, "SELECT pg_catalog.pg_create_restore_point($1)",
                  "pg_catalog.pg_create_restore_point(text)", {name})
      .Context(fmt::format("creating the restore point \"{}\"", name));
}

Result<std::string> CurrentWalFile(Connection& connection) {
  return connection
      .QueryCell("SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn())")
      .Context("asking for the current WAL file");
}

Result<ArchiverState> ReadArchiverState(Connection& connection) {
  auto answer =
      connection
          .Query(
              "SELECT archived_count, last_archived_wal, last_archived_time, failed_count, "
              "last_failed_wal, last_failed_time FROM pg_catalog.pg_stat_archiver")
          .Context("reading pg_stat_archiver");
  ASSIGN_OR_RETURN(Rows rows, std::move(answer));
  if (rows.rows.size() != 1) {
    return Error{Code::kFailed, "pg_stat_archiver does not have exactly one row", ""};
  }
  const Row& row = rows.rows[0];
  ArchiverState state;
  ASSIGN_OR_RETURN(state.archived_count, NumberCell<int64_t>(row[0], "archived_count"));
  state.last_archived_wal = row[1].value_or("");
  ASSIGN_OR_RETURN(state.last_archived_time, TimeCell(row[2], "last_archived_time"));
  ASSIGN_OR_RETURN(state.failed_count, NumberCell<int64_t>(row[3], "failed_count"));
  state.last_failed_wal = row[4].value_or("");
  ASSIGN_OR_RETURN(state.last_failed_time, TimeCell(row[5], "last_failed_time"));
  return state;
}

}  // namespace pgcairn::postgres
