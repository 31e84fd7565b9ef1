#include "sources/logical/load_session.h"

#include <utility>

namespace pgcairn::sources {

Result<LoadSession> OpenLoadSession(const std::string& conninfo, RowText text) {
  ASSIGN_OR_RETURN(postgres::Connection connection,
                   postgres::Connection::Open(conninfo, "pgcairn restore"));
  LoadSession session{std::move(connection), false};
  RETURN_IF_ERROR(session.connection.Query("SET synchronous_commit = off").status());
  RETURN_IF_ERROR(session.connection.Query("SET row_security = off").status());
  if (text == RowText::kServerBytes) {
    RETURN_IF_ERROR(session.connection.Query("SET client_encoding = 'SQL_ASCII'").status());
  }
  // Superusers may, and roles that the service lets.
  Status silent = session.connection.Query("SET session_replication_role = 'replica'").status();
  if (!silent.ok() && silent.code() != Code::kPermission) return silent;
  session.silent = silent.ok();
  return session;
}

}  // namespace pgcairn::sources
