#include "postgres/backup_session.h"

#include <fmt/format.h>

#include <algorithm>

#include "postgres/connection_cells.h"
#include "postgres/least_privilege.h"
#include "postgres/server_facts.h"
#include "postgres/wal_switch.h"
#include "util/log.h"

namespace pgcairn::postgres {
namespace {

constexpr size_t kLabelBytesMax = 1023;

Status CheckLabel(const std::string& label) {
  bool printable = std::all_of(label.begin(), label.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
  if (printable && !label.empty() && label.size() <= kLabelBytesMax) return {};
  return Error{
      Code::kUsage,
      fmt::format("a backup's label is 1 to {} printable ASCII characters", kLabelBytesMax), ""};
}

Status CheckServer(Connection& connection) {
  ASSIGN_OR_RETURN(bool pooler, connection.BehindPooler());
  if (pooler) {
    return Error{Code::kRefused, "the connection goes through a connection pooler",
                 "a physical backup must live in one server process: connect to the server itself "
                 "(its own port or socket directory)"};
  }
  ASSIGN_OR_RETURN(bool in_recovery, InRecovery(connection));
  if (in_recovery) {
    return Error{Code::kRefused, "the server is a standby (in recovery)",
                 "connect to the primary: backups from a standby are not supported"};
  }
  return {};
}

Error WithGrant(Error error, size_t function, const Connection& connection) {
  if (error.code == Code::kPermission && error.hint.empty()) {
    error.hint = GrantFunctionHint(BackupFunctions(connection.server_major()).at(function),
                                   connection.user());
  }
  return error;
}

}  // namespace

Result<BackupSession> BackupSession::Start(Connection& connection, const std::string& label,
                                           bool fast) {
  constexpr char kDoing[] = "starting a backup on the server";
  RETURN_IF_ERROR(CheckLabel(label));
  RETURN_IF_ERROR(CheckServer(connection).Context(kDoing));
  // Read before the start: once it runs, only an abort could follow a failure.
  auto size_cell = connection.QueryCell(
      "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_segment_size'");
  ASSIGN_OR_RETURN(std::string size_text, std::move(size_cell).Context(kDoing));
  BackupSession session;
  ASSIGN_OR_RETURN(session.start_.wal_segment_size,
                   NumberCell<uint64_t>(size_text, "wal_segment_size"));
  const char* sql = connection.server_major() >= 15
                        ? "SELECT pg_catalog.pg_backup_start($1, $2::pg_catalog.bool)"
                        : "SELECT pg_catalog.pg_start_backup($1, $2::pg_catalog.bool, false)";
  Result<std::string> lsn = connection.QueryCell(sql, {label, fast ? "true" : "false"});
  if (!lsn.ok()) {
    return Result<BackupSession>(WithGrant(lsn.error(), 0, connection)).Context(kDoing);
  }
  session.connection_ = &connection;
  session.start_.label = label;
  ASSIGN_OR_RETURN(session.start_.lsn, LsnCell(*lsn, "the start of the backup"));
  auto file = connection.QueryCell("SELECT pg_catalog.pg_walfile_name($1::pg_catalog.pg_lsn)",
                                   {session.start_.lsn.ToText()});
  ASSIGN_OR_RETURN(std::string file_name, std::move(file).Context(kDoing));
  ASSIGN_OR_RETURN(session.start_.timeline, TimelineOfWalFile(file_name));
  return session;
}

BackupSession& BackupSession::operator=(BackupSession&& other) noexcept {
  if (this == &other) return *this;
  Abort();
  connection_ = std::exchange(other.connection_, nullptr);
  start_ = std::move(other.start_);
  return *this;
}

void BackupSession::Abort() {
  if (connection_ == nullptr) return;
  LogDebug("aborting the backup \"{}\" by closing its connection", start_.label);
  connection_->Close();
  connection_ = nullptr;
}

Status BackupSession::Ping() {
  constexpr char kDoing[] = "asking whether the backup still runs on the server";
  if (connection_ == nullptr) {
    return Error{Code::kFailed, fmt::format("{}: it is over", kDoing), ""};
  }
  return connection_->Query("SELECT 1").status().Context(kDoing);
}

Result<BackupSession::StopResult> BackupSession::Stop() {
  constexpr char kDoing[] = "ending the backup on the server";
  if (connection_ == nullptr) {
    return Error{Code::kFailed, fmt::format("{}: it is over", kDoing), ""};
  }
  Result<StopResult> result = RunStop();
  if (result.ok()) {
    connection_ = nullptr;
  } else {
    Abort();
  }
  return std::move(result).Context(kDoing);
}

Result<BackupSession::StopResult> BackupSession::RunStop() {
  const char* sql =
      connection_->server_major() >= 15
          ? "SELECT lsn, labelfile, spcmapfile FROM pg_catalog.pg_backup_stop(false)"
          : "SELECT lsn, labelfile, spcmapfile FROM pg_catalog.pg_stop_backup(false, false)";
  // A tablespace's directory can have a name that is not text in the database's encoding.
  Result<Rows> answer = connection_->QueryUnconverted(sql);
  if (!answer.ok()) return WithGrant(answer.error(), 1, *connection_);
  if (answer->rows.size() != 1) {
    return Error{Code::kFailed, "the server did not answer with one row", ""};
  }
  const Row& row = answer->rows[0];
  StopResult result;
  ASSIGN_OR_RETURN(result.stop_lsn, LsnCell(row[0], "the end of the backup"));
  result.timeline = start_.timeline;
  result.backup_label = row[1].value_or("");
  result.tablespace_map = row[2].value_or("");
  ASSIGN_OR_RETURN(result.parsed_label, ParseBackupLabel(result.backup_label));
  RETURN_IF_ERROR(CheckAgreement(start_, result.parsed_label, result.stop_lsn));
  return result;
}

}  // namespace pgcairn::postgres
