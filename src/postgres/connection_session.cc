#include "postgres/connection_session.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/connection_errors.h"

namespace pgcairn::postgres {
namespace {

std::string Field(const PGresult* result, int field) {
  const char* text = Libpq().PQresultErrorField(result, field);
  return text == nullptr ? "" : OneLine(text);
}

Error ServerError(const PGconn* connection, const PGresult* result) {
  std::string state = Field(result, PG_DIAG_SQLSTATE);
  if (state.empty()) {
    Code code = Libpq().PQstatus(connection) == CONNECTION_OK ? Code::kFailed : Code::kConnection;
    std::string text = OneLine(Libpq().PQerrorMessage(connection));
    return {code, text.empty() ? "the server gave no answer" : text, ""};
  }
  std::string message = Field(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string detail = Field(result, PG_DIAG_MESSAGE_DETAIL);
  if (!detail.empty()) message += fmt::format(" ({})", detail);
  return {CodeOfSqlState(state), fmt::format("{} [SQLSTATE {}]", message, state),
          Field(result, PG_DIAG_MESSAGE_HINT)};
}

}  // namespace

// A server's message may quote what it was sent. Shorter passwords are left: blanking every "a"
// would make messages unreadable and tell the password by the gaps.
std::string Connection::Session::WithoutPassword(std::string message) const {
  constexpr size_t kLengthMin = 4;
  if (password.size() < kLengthMin) return message;
  for (size_t at = 0; (at = message.find(password, at)) != std::string::npos; at += 3) {
    message.replace(at, password.size(), "***");
  }
  return message;
}

Error Connection::Session::ErrorOf(const PGresult* result) const {
  Error error = ServerError(connection, result);
  error.message = WithoutPassword(std::move(error.message));
  return error;
}

Error ClosedSession() { return {Code::kConnection, "the connection to PostgreSQL is closed", ""}; }

}  // namespace pgcairn::postgres
