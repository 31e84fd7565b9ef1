#include "postgres/connection_errors.h"

#include <fmt/format.h>

namespace pgcairn::postgres {
namespace {

struct KnownFailure {
  const char* words;
  Code code;
  const char* hint;
};

// The first match counts.
constexpr KnownFailure kKnownFailures[] = {
    {"no pg_hba.conf entry", Code::kPermission,
     "add a line for this user, database and address to the server's pg_hba.conf and reload it: "
     "SELECT pg_reload_conf()"},
    {"pg_hba.conf rejects connection", Code::kPermission,
     "a \"reject\" line of the server's pg_hba.conf matches: put one that lets this user in before "
     "it, and reload"},
    {"password authentication failed", Code::kPermission,
     "check user name and password; in a URL, special characters of a password are written as %40 "
     "and the like"},
    {"no password supplied", Code::kPermission,
     "give the password in the connection string, in PGPASSWORD or in ~/.pgpass"},
    {"Peer authentication failed", Code::kPermission,
     "run pgcairn as the operating system user of that name (sudo -u USER), or connect as another "
     "role"},
    {"Tenant or user not found", Code::kPermission,
     "through Supabase's pooler the user name is postgres.<project ref>; check the region in the "
     "host name too"},
    {"not permitted to log in", Code::kPermission, "ALTER ROLE ... LOGIN lets the role in"},
    {"permission denied for database", Code::kPermission,
     "GRANT CONNECT ON DATABASE ... TO ... lets the role in"},
    {"too many clients", Code::kConnection,
     "all connections are taken: try again later, or raise max_connections"},
    {"remaining connection slots are reserved", Code::kConnection,
     "all connections are taken: try again later, or raise max_connections"},
    {"too many connections for", Code::kConnection,
     "all connections of this role or database are taken: try again later, or raise its limit"},
    {"the database system is", Code::kConnection,
     "the server is starting, stopping or recovering: try again when it is up"},
    {"certificate verify failed", Code::kConnection,
     "the server's certificate is not signed by a root that sslrootcert names"},
    {"server does not support SSL", Code::kConnection,
     "the server has no TLS: if the network is trusted, use sslmode=prefer"},
    {"SSL/TLS required", Code::kConnection, "add sslmode=require to the connection string"},
    {"Connection refused", Code::kConnection,
     "no server listens there: check that it runs, host and port, and listen_addresses"},
    {"No such file or directory", Code::kConnection,
     "no server has its socket there: check that it runs, the directory (host=...) and the port"},
    {"could not translate host name", Code::kConnection, "check the spelling of the host name"},
    {"timeout expired", Code::kConnection,
     "nothing answered: check host, port and firewall; connect_timeout=SECONDS waits longer"},
    {"Network is unreachable", Code::kConnection,
     "this machine has no route to that address: check its network, and IPv6 if the address is "
     "one"},
};

// A project's own host has only an IPv6 address, which many machines cannot reach.
bool IsUnreachableSupabaseHost(std::string_view message) {
  size_t host = message.find("\"db.");
  if (host == std::string_view::npos) return false;
  if (message.find(".supabase.co\"", host) == std::string_view::npos) return false;
  for (const char* sign :
       {"Network is unreachable", "could not translate host name", "timeout expired",
        "No route to host", "Cannot assign requested address"}) {
    if (message.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::string OneLine(std::string_view text) {
  std::string line;
  for (char c : text) {
    if (c == '\n' || c == '\r') {
      if (!line.empty() && !line.ends_with("; ")) line += "; ";
    } else if (c == '\t' || c == ' ') {
      if (!line.empty() && !line.ends_with(' ')) line += ' ';
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      line += '?';
    } else {
      line += c;
    }
  }
  while (line.ends_with(' ') || line.ends_with(';')) line.pop_back();
  return line;
}

Code CodeOfSqlState(std::string_view sql_state) {
  auto in = [&](std::string_view start) { return sql_state.starts_with(start); };
  if (in("08") || in("57P0") || in("53300")) return Code::kConnection;
  if (in("42501") || in("28")) return Code::kPermission;
  if (in("0A")) return Code::kUnsupported;
  if (in("53100")) return Code::kNoSpace;
  if (in("57014")) return Code::kCancelled;
  if (in("55P03")) return Code::kTimeout;
  if (in("3D000") || in("3F000") || in("42P01") || in("42704") || in("42883")) {
    return Code::kNotFound;
  }
  if (in("XX001") || in("XX002")) return Code::kDamaged;
  if (in("58030") || in("58P01")) return Code::kStorage;
  return Code::kFailed;
}

Error ConnectError(std::string_view libpq_message) {
  std::string message =
      fmt::format("connecting to PostgreSQL: {}",
                  libpq_message.empty() ? "no reason was given" : OneLine(libpq_message));
  if (IsUnreachableSupabaseHost(libpq_message)) {
    return {Code::kConnection, message,
            "this host has an IPv6 address only: use the project's session pooler (dashboard, "
            "Connect, Session pooler: port 5432, user postgres.<project ref>)"};
  }
  for (const KnownFailure& known : kKnownFailures) {
    if (libpq_message.find(known.words) != std::string_view::npos) {
      return {known.code, message, known.hint};
    }
  }
  if (libpq_message.find("does not exist") != std::string_view::npos) {
    if (libpq_message.find("FATAL:  database ") != std::string_view::npos) {
      return {Code::kNotFound, message, "check the database name"};
    }
    if (libpq_message.find("FATAL:  role ") != std::string_view::npos) {
      return {Code::kPermission, message, "check the user name"};
    }
  }
  return {Code::kConnection, message, ""};
}

}  // namespace pgcairn::postgres
