#include "postgres/server_facts.h"

#include <fmt/format.h>

#include <map>

#include "postgres/connection_cells.h"
#include "postgres/least_privilege.h"
#include "postgres/wal_switch.h"

namespace pgcairn::postgres {
namespace {

using Settings = std::map<std::string, std::string, std::less<>>;

Error MissingSettings(std::string_view setting, const Connection& connection) {
  return {Code::kPermission,
          fmt::format("the role \"{}\" may not read the setting {}", connection.user(), setting),
          fmt::format("as a superuser: GRANT pg_read_all_settings TO {}; where there is none, as "
                      "on a hosted server: set cluster.method to \"logical\"",
                      QuoteIdentifier(connection.user()))};
}

// The view leaves out what the role may not see.
Result<Settings> ReadSettings(Connection& connection) {
  ASSIGN_OR_RETURN(
      Rows rows,
      connection.QueryUnconverted(
          "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ("
          "'archive_command', 'archive_library', 'archive_mode', 'archive_timeout', 'block_size', "
          "'config_file', 'data_checksums', 'data_directory', 'full_page_writes', 'hba_file', "
          "'ident_file', 'max_connections', 'max_locks_per_transaction', "
          "'max_prepared_transactions', 'max_wal_senders', 'max_worker_processes', "
          "'segment_size', 'server_encoding', 'shared_preload_libraries', 'wal_level', "
          "'wal_segment_size')"));
  Settings settings;
  for (const Row& row : rows.rows) settings.emplace(row[0].value_or(""), row[1].value_or(""));
  return settings;
}

class SettingsReader {
 public:
  SettingsReader(const Settings& settings, const Connection& connection)
      : settings_(settings), connection_(connection) {}

  Status Text(const char* name, std::string* out) const {
    auto found = settings_.find(name);
    if (found == settings_.end()) return MissingSettings(name, connection_);
    *out = found->second;
    return {};
  }
  template <typename T>
  Status Number(const char* name, T* out) const {
    std::string text;
    RETURN_IF_ERROR(Text(name, &text));
    ASSIGN_OR_RETURN(*out, NumberCell<T>(text, name));
    return {};
  }
  Status Switch(const char* name, bool* out) const {
    std::string text;
    RETURN_IF_ERROR(Text(name, &text));
    *out = text == "on";
    return {};
  }

 private:
  const Settings& settings_;
  const Connection& connection_;
};

Status FillFromSettings(const SettingsReader& settings, ServerFacts* facts) {
  RETURN_IF_ERROR(settings.Text("data_directory", &facts->data_directory));
  RETURN_IF_ERROR(settings.Text("config_file", &facts->config_file));
  RETURN_IF_ERROR(settings.Text("hba_file", &facts->hba_file));
  RETURN_IF_ERROR(settings.Text("ident_file", &facts->ident_file));
  RETURN_IF_ERROR(settings.Text("server_encoding", &facts->server_encoding));
  // Its unit is one page (pg_settings.unit is "8kB").
  RETURN_IF_ERROR(settings.Number("segment_size", &facts->segment_size_pages));
  RETURN_IF_ERROR(settings.Number("block_size", &facts->block_size));
  RETURN_IF_ERROR(settings.Number("wal_segment_size", &facts->wal_segment_size));
  RETURN_IF_ERROR(settings.Switch("data_checksums", &facts->data_checksums));
  RETURN_IF_ERROR(settings.Text("wal_level", &facts->wal_level));
  RETURN_IF_ERROR(settings.Switch("full_page_writes", &facts->full_page_writes));
  RETURN_IF_ERROR(settings.Text("archive_mode", &facts->archive_mode));
  RETURN_IF_ERROR(settings.Text("archive_command", &facts->archive_command));
  // What the server shows while archive_mode is off (show_archive_command in xlog.c).
  if (facts->archive_command == "(disabled)") facts->archive_command.clear();
  if (facts->major >= 15) {
    RETURN_IF_ERROR(settings.Text("archive_library", &facts->archive_library));
  }
  RETURN_IF_ERROR(settings.Number("archive_timeout", &facts->archive_timeout_s));
  RETURN_IF_ERROR(settings.Text("shared_preload_libraries", &facts->shared_preload_libraries));
  RecoveryLimits& limits = facts->limits;
  RETURN_IF_ERROR(settings.Number("max_connections", &limits.max_connections));
  RETURN_IF_ERROR(settings.Number("max_worker_processes", &limits.max_worker_processes));
  RETURN_IF_ERROR(settings.Number("max_wal_senders", &limits.max_wal_senders));
  RETURN_IF_ERROR(settings.Number("max_prepared_transactions", &limits.max_prepared_transactions));
  return settings.Number("max_locks_per_transaction", &limits.max_locks_per_transaction);
}

// A control function that PUBLIC was refused needs its own grant.
Result<std::string> QueryControl(Connection& connection, const char* column, const char* function) {
  Result<std::string> answer =
      connection.QueryCell(fmt::format("SELECT {} FROM {}", column, function));
  if (answer.ok() || answer.code() != Code::kPermission) return answer;
  Error error = answer.error();
  error.hint = GrantFunctionHint(function, connection.user());
  return error;
}

Status FillIdentity(Connection& connection, ServerFacts* facts) {
  ASSIGN_OR_RETURN(std::string identifier,
                   QueryControl(connection, "system_identifier", "pg_catalog.pg_control_system()"));
  // SQL has no unsigned 64-bit type: the server shows the same bits as a signed number.
  ASSIGN_OR_RETURN(int64_t bits, NumberCell<int64_t>(identifier, "the system identifier"));
  facts->system_identifier = SystemIdentifier{static_cast<uint64_t>(bits)};
  ASSIGN_OR_RETURN(facts->in_recovery, InRecovery(connection));
  if (!facts->in_recovery) {
    // pg_control still holds the old timeline for a while after a promotion; the WAL file does not.
    ASSIGN_OR_RETURN(std::string file, CurrentWalFile(connection));
    ASSIGN_OR_RETURN(facts->timeline, TimelineOfWalFile(file));
    return {};
  }
  ASSIGN_OR_RETURN(std::string timeline,
                   QueryControl(connection, "timeline_id", "pg_catalog.pg_control_checkpoint()"));
  ASSIGN_OR_RETURN(facts->timeline.value, NumberCell<uint32_t>(timeline, "the timeline"));
  return {};
}

Status FillConfigFiles(Connection& connection, ServerFacts* facts) {
  Result<Rows> rows = connection.QueryUnconverted(
      "SELECT sourcefile FROM pg_catalog.pg_file_settings WHERE sourcefile IS NOT NULL "
      "GROUP BY sourcefile ORDER BY pg_catalog.min(seqno)");
  facts->config_files_complete = rows.ok();
  if (!rows.ok() && rows.code() == Code::kPermission) {
    rows = connection.QueryUnconverted(
        "SELECT DISTINCT sourcefile FROM pg_catalog.pg_settings WHERE sourcefile IS NOT NULL "
        "ORDER BY sourcefile");
  }
  if (!rows.ok()) return rows.status();
  // A file without a single setting is in neither view.
  facts->config_files = {facts->config_file};
  for (const Row& row : rows->rows) {
    if (*row[0] != facts->config_file) facts->config_files.push_back(*row[0]);
  }
  return {};
}

Status FillTablespaces(Connection& connection, ServerFacts* facts) {
  // 1663 and 1664 are pg_default and pg_global (src/include/catalog/pg_tablespace.dat).
  ASSIGN_OR_RETURN(Rows rows, connection.QueryUnconverted(
                                  "SELECT oid, spcname, pg_catalog.pg_tablespace_location(oid) "
                                  "FROM pg_catalog.pg_tablespace WHERE oid NOT IN (1663, 1664) "
                                  "ORDER BY oid"));
  for (const Row& row : rows.rows) {
    Tablespace tablespace;
    ASSIGN_OR_RETURN(tablespace.oid, NumberCell<uint32_t>(row[0], "a tablespace's OID"));
    tablespace.name = row[1].value_or("");
    tablespace.location = row[2].value_or("");
    facts->tablespaces.push_back(std::move(tablespace));
  }
  return {};
}

Status FillDatabases(Connection& connection, ServerFacts* facts) {
  // -2 marks what an interrupted DROP DATABASE left (src/include/catalog/pg_database.h).
  ASSIGN_OR_RETURN(Rows rows, connection.QueryUnconverted(
                                  "SELECT oid, datname, datallowconn AND datconnlimit <> -2, "
                                  "datistemplate FROM pg_catalog.pg_database ORDER BY oid"));
  for (const Row& row : rows.rows) {
    Database database;
    ASSIGN_OR_RETURN(database.oid, NumberCell<uint32_t>(row[0], "a database's OID"));
    database.name = row[1].value_or("");
    database.allows_connections = row[2] == "t";
    database.is_template = row[3] == "t";
    facts->databases.push_back(std::move(database));
  }
  return {};
}

}  // namespace

Status CheckServerMajor(int major) {
  if (major < kServerMajorMin) {
    return Error{Code::kUnsupported,
                 fmt::format("PostgreSQL {} is older than pgcairn supports ({} to {})", major,
                             kServerMajorMin, kServerMajorMax),
                 "upgrade the server"};
  }
  if (major > kServerMajorMax) {
    return Error{Code::kUnsupported,
                 fmt::format("PostgreSQL {} is newer than this pgcairn knows ({} to {})", major,
                             kServerMajorMin, kServerMajorMax),
                 "install a newer pgcairn"};
  }
  return {};
}

Result<bool> InRecovery(Connection& connection) {
  Result<std::string> answer = connection.QueryCell("SELECT pg_catalog.pg_is_in_recovery()");
  if (!answer.ok()) return answer.error();
  return *answer == "t";
}

Result<ServerFacts> ReadServerFacts(Connection& connection) {
  constexpr char kDoing[] = "asking the server about itself";
  ServerFacts facts;
  facts.version_num = connection.server_version_num();
  facts.major = connection.server_major();
  RETURN_IF_ERROR(CheckServerMajor(facts.major));
  auto settings = ReadSettings(connection).Context(kDoing);
  if (!settings.ok()) return settings.status();
  RETURN_IF_ERROR(FillFromSettings({*settings, connection}, &facts).Context(kDoing));
  RETURN_IF_ERROR(FillIdentity(connection, &facts).Context(kDoing));
  RETURN_IF_ERROR(FillConfigFiles(connection, &facts).Context(kDoing));
  RETURN_IF_ERROR(FillTablespaces(connection, &facts).Context(kDoing));
  RETURN_IF_ERROR(FillDatabases(connection, &facts).Context(kDoing));
  return facts;
}

}  // namespace pgcairn::postgres
