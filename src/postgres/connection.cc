#include "postgres/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "postgres/connection_errors.h"
#include "postgres/connection_session.h"
#include "postgres/connection_string.h"
#include "postgres/libpq.h"
#include "util/log.h"

namespace pgcairn::postgres {
namespace {

void LogNotice(void*, const PGresult* notice) {
  const char* text = Libpq().PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
  if (text != nullptr) LogDebug("PostgreSQL says: {}", OneLine(text));
}

Rows ToRows(const PGresult* result) {
  Rows rows;
  int columns = Libpq().PQnfields(result);
  for (int column = 0; column < columns; ++column) {
    rows.columns.emplace_back(Libpq().PQfname(result, column));
  }
  int count = Libpq().PQntuples(result);
  rows.rows.reserve(static_cast<size_t>(count));
  for (int at = 0; at < count; ++at) {
    Row row;
    row.reserve(static_cast<size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      if (Libpq().PQgetisnull(result, at, column)) {
        row.emplace_back(std::nullopt);
      } else {
        row.emplace_back(std::in_place, Libpq().PQgetvalue(result, at, column),
                         static_cast<size_t>(Libpq().PQgetlength(result, at, column)));
      }
    }
    rows.rows.push_back(std::move(row));
  }
  return rows;
}

// The server counts characters, from 1.
std::string LineAt(std::string_view text, std::string_view position) {
  constexpr size_t kLineBytesMax = 200;
  size_t characters = 0;
  auto [end, failed] =
      std::from_chars(position.data(), position.data() + position.size(), characters);
  if (failed != std::errc() || end != position.data() + position.size()) return "";
  size_t at = 0;
  while (at < text.size() && characters > 0) {
    if ((static_cast<uint8_t>(text[at]) & 0xC0U) != 0x80U) --characters;
    ++at;
  }
  const size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  const size_t first = before == std::string_view::npos ? 0 : before + 1;
  const size_t last = std::min(text.find('\n', at), text.size());
  return std::string(text.substr(first, std::min(last - first, kLineBytesMax)));
}

// libpq lets a later entry win, and a service file fill only what nobody named: so the defaults
// come first, and not at all when a service may set them.
PGconn* Connect(const ConnectionString& target, const std::string& application_name) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  auto add = [&](const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  };
  if (!target.names_service) {
    if (std::getenv("PGCONNECT_TIMEOUT") == nullptr) add("connect_timeout", "15");
    add("keepalives", "1");
    add("keepalives_idle", "30");
    add("keepalives_interval", "10");
    add("keepalives_count", "3");
    add("tcp_user_timeout", "60000");
  }
  add("fallback_application_name", application_name.c_str());
  add("dbname", target.text.c_str());
  add(nullptr, nullptr);
  return Libpq().PQconnectdbParams(keywords.data(), values.data(), /*expand_dbname=*/1);
}

}  // namespace

Connection::Connection(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Connection::Connection(Connection&& other) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::Open(const std::string& conninfo,
                                    const std::string& application_name) {
  ASSIGN_OR_RETURN(ConnectionString target, ParseConnectionString(conninfo));
  auto session = std::make_unique<Session>();
  session->connection = Connect(target, application_name);
  if (session->connection == nullptr) {
    return Error{Code::kFailed, "connecting to PostgreSQL: out of memory", ""};
  }
  // Covers a password from PGPASSWORD or a password file as well.
  const char* password = Libpq().PQpass(session->connection);
  session->password = password == nullptr ? target.password : password;
  if (Libpq().PQstatus(session->connection) != CONNECTION_OK) {
    return ConnectError(session->WithoutPassword(Libpq().PQerrorMessage(session->connection)));
  }
  Libpq().PQsetNoticeReceiver(session->connection, LogNotice, nullptr);
  Connection connection(std::move(session));
  RETURN_IF_ERROR(connection.SetUp().Context("setting up the session"));
  return connection;
}

Status Connection::SetUp() {
  std::string sql =
      "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES "
      "('search_path', ''), ('client_encoding', 'UTF8'), ('datestyle', 'ISO'), "
      "('intervalstyle', 'postgres'), ('extra_float_digits', '3'), ('TimeZone', 'UTC'), "
      "('statement_timeout', '0'), ('lock_timeout', '0'), "
      "('idle_in_transaction_session_timeout', '0')";
  if (server_major() >= 14) sql += ", ('idle_session_timeout', '0')";
  if (server_major() >= 17) sql += ", ('transaction_timeout', '0')";
  sql += ") AS s (name, value)";
  return Query(sql).status();
}

Result<Rows> Connection::Query(const std::string& sql, const std::vector<std::string>& params) {
  if (session_ == nullptr) return ClosedSession();
  std::vector<const char*> values;
  for (const std::string& param : params) {
    if (param.find('\0') != std::string::npos) {
      return Error{Code::kUsage, "a text for PostgreSQL holds a zero byte", ""};
    }
    values.push_back(param.c_str());
  }
  PGconn* connection = session_->connection;
  ResultOwner result(
      Libpq().PQexecParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr,
                           values.data(), nullptr, nullptr, /*resultFormat=*/0),
      Libpq().PQclear);
  switch (Libpq().PQresultStatus(result.get())) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
      return ToRows(result.get());
    default:
      break;
  }
  return session_->ErrorOf(result.get());
}

Status Connection::RunScript(const std::string& sql) {
  if (session_ == nullptr) return ClosedSession();
  if (sql.find('\0') != std::string::npos) {
    return Error{Code::kUsage, "a text for PostgreSQL holds a zero byte", ""};
  }
  ResultOwner result(Libpq().PQexec(session_->connection, sql.c_str()), Libpq().PQclear);
  switch (Libpq().PQresultStatus(result.get())) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
      return {};
    default:
      break;
  }
  Error error = session_->ErrorOf(result.get());
  // What a script names is not what the caller asked for.
  if (error.code == Code::kNotFound) error.code = Code::kFailed;
  const char* position = Libpq().PQresultErrorField(result.get(), PG_DIAG_STATEMENT_POSITION);
  const std::string line = position == nullptr ? "" : LineAt(sql, position);
  if (!line.empty()) error.message += fmt::format(" in \"{}\"", line);
  return error;
}

Result<Rows> Connection::QueryUnconverted(const std::string& sql,
                                          const std::vector<std::string>& params) {
  const char* encoding =
      session_ ? Libpq().PQparameterStatus(session_->connection, "server_encoding") : nullptr;
  // Between equal encodings the server sends bytes as they are. A server encoding of SQL_ASCII does
  // not: it refuses to send what is not UTF-8 (src/backend/utils/mb/mbutils.c).
  if (encoding != nullptr && std::string_view(encoding) == "UTF8") return Query(sql, params);
  RETURN_IF_ERROR(Query("SET client_encoding = 'SQL_ASCII'").status());
  Result<Rows> rows = Query(sql, params);
  Status restored = Query("SET client_encoding = 'UTF8'").status();
  if (rows.ok() && !restored.ok()) return restored;
  return rows;
}

Result<std::string> Connection::QueryCell(const std::string& sql,
                                          const std::vector<std::string>& params) {
  ASSIGN_OR_RETURN(Rows rows, Query(sql, params));
  if (rows.rows.size() != 1 || rows.rows[0].size() != 1 || !rows.rows[0][0]) {
    return Error{Code::kFailed, fmt::format("the server did not answer \"{}\" with one value", sql),
                 ""};
  }
  return *std::move(rows.rows[0][0]);
}

Result<bool> Connection::BehindPooler() {
  ASSIGN_OR_RETURN(std::string pid, QueryCell("SELECT pg_catalog.pg_backend_pid()"));
  return pid != std::to_string(Libpq().PQbackendPID(session_->connection));
}

int Connection::server_version_num() const {
  return session_ ? Libpq().PQserverVersion(session_->connection) : 0;
}

std::string Connection::user() const {
  const char* name = session_ ? Libpq().PQuser(session_->connection) : nullptr;
  return name == nullptr ? "" : name;
}

void Connection::Close() { session_.reset(); }

}  // namespace pgcairn::postgres
