#include "commands/trial_server.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "postgres/server_binaries.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

std::string SettingOf(const format::Manifest& manifest, std::string_view name,
                      std::string fallback) {
  for (const format::Setting& setting : manifest.settings()) {
    if (setting.name() == name && !setting.value().empty()) return setting.value();
  }
  return fallback;
}

uint64_t NumberOf(const format::Manifest& manifest, std::string_view name, uint64_t fallback) {
  const std::string text = SettingOf(manifest, name, "");
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : fallback;
}

// Who copies a database locks all its tables. The locks of all connections share one place, some 30
// MB with these.
std::string LocksPerTransaction(const format::Manifest& manifest) {
  constexpr uint64_t kLocks = 100'000;
  const uint64_t sessions = NumberOf(manifest, "max_connections", 100) +
                            NumberOf(manifest, "max_prepared_transactions", 0);
  const uint64_t at_source = NumberOf(manifest, "max_locks_per_transaction", 64);
  return std::to_string(std::max(at_source, kLocks / std::max<uint64_t>(1, sessions)));
}

// A server that reaches nobody: no archiving, no network, no subscriptions, nothing preloaded.
// What must not be lower than at the source (rule 26) is as it was there.
std::vector<std::pair<std::string, std::string>> TrialSettings(const format::Manifest& manifest) {
  std::vector<std::pair<std::string, std::string>> settings{
      {"listen_addresses", ""},
      {"archive_mode", "off"},
      {"hot_standby", "off"},
      {"max_connections", SettingOf(manifest, "max_connections", "100")},
      {"max_worker_processes", SettingOf(manifest, "max_worker_processes", "8")},
      {"max_wal_senders", SettingOf(manifest, "max_wal_senders", "10")},
      {"max_prepared_transactions", SettingOf(manifest, "max_prepared_transactions", "0")},
      {"max_locks_per_transaction", LocksPerTransaction(manifest)},
      {"max_logical_replication_workers", "0"},
      {"recovery_min_apply_delay", "0"},
      {"shared_preload_libraries", ""},
      {"session_preload_libraries", ""},
      {"local_preload_libraries", ""},
      {"shared_buffers", "64MB"},
      {"huge_pages", "off"},
      {"autovacuum", "off"},
      // Against wraparound it would run nevertheless.
      {"autovacuum_freeze_max_age", "2000000000"},
      {"autovacuum_multixact_freeze_max_age", "2000000000"},
      {"fsync", "off"},
      {"ssl", "off"},
      {"logging_collector", "off"},
      {"log_destination", "stderr"},
      {"recovery_target_action", "promote"},
      {"jit", "off"}};
  // One that fires at every log-in may do anything.
  if (manifest.server_version_num() >= 170000) settings.emplace_back("event_triggers", "off");
  return settings;
}

}  // namespace

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

std::string TrialUser(const format::Manifest& manifest) {
  return SettingOf(manifest, "bootstrap_superuser", "");
}

RecoveryPlan EndingWhereReadAhead(RecoveryPlan plan) {
  if (plan.target.kind != TargetKind::kLatest || plan.log_is_unreadable) return plan;
  plan.target.kind = plan.last_record ? TargetKind::kLsn : TargetKind::kImmediate;
  plan.target.lsn = plan.last_record.value_or(postgres::Lsn());
  plan.target.inclusive = true;
  return plan;
}

}  // namespace pgcairn::commands
