#include "postgres/least_privilege.h"

#include <fmt/format.h>

namespace pgcairn::postgres {
namespace {

// CREATE ROLE knows no IF NOT EXISTS.
std::string CreateRole(const std::string& role) {
  std::string tag = "$pgcairn$";
  for (int n = 1; role.find(tag) != std::string::npos; ++n) tag = fmt::format("$pgcairn{}$", n);
  return fmt::format(
      "DO {0}\n"
      "BEGIN\n"
      "  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {1}) THEN\n"
      "    CREATE ROLE {2} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;\n"
      "  END IF;\n"
      "END\n"
      "{0};\n",
      tag, QuoteLiteral(role), QuoteIdentifier(role));
}

std::string Grant(const std::string& role, std::string_view what) {
  return fmt::format("GRANT {} TO {};\n", what, QuoteIdentifier(role));
}

}  // namespace

std::vector<std::string> BackupFunctions(int server_major) {
  std::vector<std::string> functions;
  if (server_major >= 15) {
    functions = {"pg_catalog.pg_backup_start(text, boolean)", "pg_catalog.pg_backup_stop(boolean)"};
  } else {
    functions = {"pg_catalog.pg_start_backup(text, boolean, boolean)",
                 "pg_catalog.pg_stop_backup(boolean, boolean)"};
  }
  functions.insert(functions.end(),
                   {"pg_catalog.pg_switch_wal()", "pg_catalog.pg_create_restore_point(text)"});
  return functions;
}

std::string LeastPrivilegeSql(int server_major, const std::string& role) {
  std::string sql = fmt::format(
      "-- A role for pgcairn on PostgreSQL {}: it can take physical backups and read settings, no "
      "table.\n"
      "-- Run this as a superuser, in the database that pgcairn connects to (rights on functions\n"
      "-- are per database). It may be run again.\n",
      server_major);
  sql += CreateRole(role);
  sql +=
      "-- How it logs in is yours to choose: the operating system user of the same name (peer in\n"
      "-- pg_hba.conf) needs no password; otherwise set one with \\password in psql, which keeps "
      "it "
      "out\n"
      "-- of the server's log.\n"
      "\n"
      "-- Where the data directory and the configuration files are.\n";
  sql += Grant(role, "pg_read_all_settings");
  sql += Grant(role, "SELECT ON pg_catalog.pg_file_settings");
  sql += Grant(role, "EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings()");
  sql += "-- The backup itself.\n";
  for (const std::string& function : BackupFunctions(server_major)) {
    sql += Grant(role, "EXECUTE ON FUNCTION " + function);
  }
  sql += "-- PUBLIC has these unless somebody took them away.\n";
  for (const char* function :
       {"pg_catalog.pg_control_system()", "pg_catalog.pg_control_checkpoint()"}) {
    sql += Grant(role, fmt::format("EXECUTE ON FUNCTION {}", function));
  }
  sql += Grant(role, fmt::format("EXECUTE ON FUNCTION pg_catalog.pg_logical_emit_message"
                                 "(boolean, text, text{})",
                                 server_major >= 17 ? ", boolean" : ""));
  sql += Grant(role, "SELECT ON pg_catalog.pg_stat_archiver");
  return sql;
}

}  // namespace pgcairn::postgres
