#include <fmt/format.h>

#include "commands/reading_lease.h"
#include "commands/replayed_tablespaces.h"
#include "commands/restore.h"
#include "commands/restore_run.h"
#include "commands/trial_directory.h"
#include "postgres/connection.h"
#include "postgres/server_binaries.h"
#include "postgres/standalone_server.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

std::string SettingOf(const format::Manifest& manifest, std::string_view name,
                      std::string fallback) {
  for (const format::Setting& setting : manifest.settings()) {
    if (setting.name() == name && !setting.value().empty()) return setting.value();
  }
  return fallback;
}

// A server that reaches nobody: no archiving, no network, no subscriptions, nothing preloaded.
// What must not be lower than at the source (rule 26) is as it was there.
std::vector<std::pair<std::string, std::string>> TrialSettings(const format::Manifest& manifest) {
  return {{"listen_addresses", ""},
          {"archive_mode", "off"},
          {"hot_standby", "off"},
          {"max_connections", SettingOf(manifest, "max_connections", "100")},
          {"max_worker_processes", SettingOf(manifest, "max_worker_processes", "8")},
          {"max_wal_senders", SettingOf(manifest, "max_wal_senders", "10")},
          {"max_prepared_transactions", SettingOf(manifest, "max_prepared_transactions", "0")},
          {"max_locks_per_transaction", SettingOf(manifest, "max_locks_per_transaction", "64")},
          {"max_logical_replication_workers", "0"},
          {"shared_preload_libraries", ""},
          {"session_preload_libraries", ""},
          {"local_preload_libraries", ""},
          {"shared_buffers", "64MB"},
          {"huge_pages", "off"},
          {"autovacuum", "off"},
          {"fsync", "off"},
          {"ssl", "off"},
          {"logging_collector", "off"},
          {"log_destination", "stderr"},
          {"recovery_target_action", "promote"},
          {"jit", "off"}};
}

Result<postgres::StandaloneServer> StartTrialServer(const config::Settings& settings,
                                                    const format::Manifest& manifest,
                                                    const RestorePlaces& places,
                                                    const std::string& root) {
  ASSIGN_OR_RETURN(std::string bin, postgres::FindServerBinaries(
                                        static_cast<int>(manifest.server_version_num() / 10000),
                                        settings.cluster.bin_dir));
  // Its own files: the source's may include others, call programs or name certificates.
  RETURN_IF_ERROR(WriteFileDurably(root + "/postgresql.conf", {}));
  RETURN_IF_ERROR(WriteFileDurably(root + "/pg_hba.conf", AsBytes("local all all trust\n")));
  RETURN_IF_ERROR(WriteFileDurably(root + "/pg_ident.conf", {}));
  postgres::StandaloneServer::Options server;
  server.bin_dir = bin;
  server.data_directory = places.data_directory;
  server.socket_directory = root + "/socket";
  server.settings = TrialSettings(manifest);
  server.config_file = root + "/postgresql.conf";
  server.hba_file = root + "/pg_hba.conf";
  server.ident_file = root + "/pg_ident.conf";
  server.log_file = root + "/server.log";
  return postgres::StandaloneServer::Start(server);
}

Result<std::vector<RestoreTestReport::DatabaseResult>> AskDatabases(
    const postgres::StandaloneServer& server, const std::string& user) {
  ASSIGN_OR_RETURN(postgres::Connection first,
                   postgres::Connection::Open(server.Conninfo("template1", user), "pgcairn"));
  ASSIGN_OR_RETURN(postgres::Rows names,
                   first.Query("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn "
                               "ORDER BY oid"));
  std::vector<RestoreTestReport::DatabaseResult> results;
  for (const postgres::Row& row : names.rows) {
    const std::string& name = row.at(0).value();
    ASSIGN_OR_RETURN(postgres::Connection connection,
                     postgres::Connection::Open(server.Conninfo(name, user), "pgcairn"));
    ASSIGN_OR_RETURN(std::string count,
                     connection.QueryCell("SELECT pg_catalog.count(*) FROM pg_catalog.pg_class"));
    results.push_back({name, std::stoull(count)});
  }
  return results;
}

// What is archived while the trial runs has not been looked at: it may create a tablespace.
RecoveryPlan EndingWhereReadAhead(RecoveryPlan plan) {
  if (plan.target.kind != TargetKind::kLatest || plan.log_is_unreadable) return plan;
  plan.target.kind = plan.last_record ? TargetKind::kLsn : TargetKind::kImmediate;
  plan.target.lsn = plan.last_record.value_or(postgres::Lsn());
  plan.target.inclusive = true;
  return plan;
}

}  // namespace

Result<RestoreTestReport> TestRestore(const config::Settings& settings,
                                      const RestoreOptions& options) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(RecoveryPlan plan,
                   PlanRecovery(*opened.cluster, options.target, options.source));
  RETURN_IF_ERROR(RefuseReplayedTablespaces(plan.replayed_tablespaces, plan.manifest));
  ASSIGN_OR_RETURN(ReadingLease lease, ReadingLease::Take(*opened.cluster, format::Lease::RESTORE,
                                                          plan.manifest.backup_id()));
  for (const std::string& line : plan.explanation) LogInfo("{}", line);
  ASSIGN_OR_RETURN(TrialDirectory scratch, TrialDirectory::Make(settings.restore.test_directory));
  RestorePlaces places = ChooseTestPlaces(plan.manifest, scratch.path());
  RETURN_IF_ERROR(PreparePlaces(plan.manifest, places));

  RestoreOptions trial = options;
  trial.keep_archive_mode = false;
  trial.target_action = "promote";
  RestoreTestReport report;
  double began = MonotonicSeconds();
  auto lap = [&began] { return MonotonicSeconds() - std::exchange(began, MonotonicSeconds()); };
  ASSIGN_OR_RETURN(WrittenDirectory written,
                   WriteRestoredDirectory(settings, *opened.cluster, EndingWhereReadAhead(plan),
                                          places, trial, Existing::kRefuse));
  report.restore_seconds = lap();
  ASSIGN_OR_RETURN(postgres::StandaloneServer server,
                   StartTrialServer(settings, plan.manifest, places, scratch.path()));
  report.recovery_seconds = lap();
  ASSIGN_OR_RETURN(report.databases,
                   AskDatabases(server, SettingOf(plan.manifest, "bootstrap_superuser", "")));
  report.query_seconds = lap();
  RETURN_IF_ERROR(server.Stop());
  report.stop_seconds = lap();

  report.restore = BeginReport(plan, places, written, *opened.requests);
  report.restore.seconds = report.restore_seconds;
  return report;
}

}  // namespace pgcairn::commands
