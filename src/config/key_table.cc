#include "config/key_table.h"

namespace pgcairn::config {
namespace {

constexpr int64_t kDaysMax = 36'500;
constexpr int64_t kHoursMax = kDaysMax * 24;
constexpr int64_t kCountMax = 10'000;
constexpr int64_t kWalTimeoutMax = 86'400;
constexpr int64_t kHealthCheckMin = 10;
constexpr int64_t kHealthCheckMax = 604'800;
constexpr int64_t kJobsMax = 256;
constexpr int64_t kOneScanGibMax = 1'048'576;
constexpr int64_t kGraceMax = 86'400;
constexpr int64_t kLeaseExpiryMax = 31'536'000;
// Above it nearly every pack would be written again and again.
constexpr int64_t kLiveShareMax = 90;
// zstd's levels above 19 need more memory than a bounded pipeline can promise.
constexpr int64_t kLevelMax = 19;

}  // namespace

std::vector<Key> BackupKeys(Settings& settings) {
  Settings::Cluster& cluster = settings.cluster;
  Settings::Storage& storage = settings.storage;
  Settings::Schedules& schedules = settings.schedules;
  Settings::Retention& retention = settings.retention;
  Settings::Monitoring& monitoring = settings.monitoring;
  return {
      {"cluster.name", ClusterNameKey{&cluster.name}},
      {"cluster.connection", ConnectionKey{&cluster.connection}},
      {"cluster.data_directory", PathKey{&cluster.data_directory}},
      {"cluster.method",
       ChoiceKey{{"auto", "physical", "logical"},
                 [&cluster](size_t choice) { cluster.method = static_cast<Method>(choice); }}},
      {"cluster.bin_dir", PathKey{&cluster.bin_dir}},
      {"cluster.wal_timeout", IntegerKey{&cluster.wal_timeout, 1, kWalTimeoutMax}},
      {"cluster.lock_timeout", IntegerKey{&cluster.lock_timeout, 1, kWalTimeoutMax}},
      {"schedules.full_backup", CronKey{&schedules.full_backup}},
      {"schedules.incremental_backup", CronKey{&schedules.incremental_backup}},
      {"schedules.wal_archive", ChoiceKey{{"continuous"}, [](size_t) {}}},
      {"schedules.verification",
       ChoiceKey{{"after_backup", "never"},
                 [&schedules](size_t choice) { schedules.verify_after_backup = choice == 0; }}},
      {"verification.depth", ChoiceKey{{"new", "deep"},
                                       [&settings](size_t choice) {
                                         settings.verification.depth =
                                             static_cast<VerifyDepth>(choice);
                                       }}},
      {"retention.full_backups", IntegerKey{&retention.full_backups, 0, kDaysMax}},
      {"retention.incremental_backups", IntegerKey{&retention.incremental_backups, 0, kDaysMax}},
      {"retention.wal_files", IntegerKey{&retention.wal_files, 0, kDaysMax}},
      {"storage.local_path", PathKey{&storage.local_path}},
      {"storage.log_path", PathKey{&storage.log_path}},
      {"storage.offsite_enabled", FlagKey{&storage.offsite_enabled}},
      {"storage.encryption_enabled", FlagKey{&storage.encryption_enabled}},
      {"encryption.key_file", PathKey{&settings.encryption.key_file}},
      {"backup.verify_unchanged_days",
       IntegerKey{&settings.backup.verify_unchanged_days, 0, kDaysMax}},
      {"compaction.live_share_min",
       IntegerKey{&settings.compaction.live_share_min, 0, kLiveShareMax}},
      {"compression.level", IntegerKey{&settings.compression.level, 1, kLevelMax}},
      {"performance.jobs", IntegerKey{&settings.performance.jobs, 1, kJobsMax}},
      {"performance.one_scan_gib",
       IntegerKey{&settings.performance.one_scan_gib, 0, kOneScanGibMax}},
      {"restore.test_directory", PathKey{&settings.restore.test_directory}},
      {"restore.test_url", ConnectionKey{&settings.restore.test_url}},
      {"prune.grace", IntegerKey{&settings.prune.grace, 0, kGraceMax}},
      {"prune.lease_expiry", IntegerKey{&settings.prune.lease_expiry, 1, kLeaseExpiryMax}},
      {"prune.max_share", IntegerKey{&settings.prune.max_share, 0, 100}},
      {"monitoring.health_check_interval",
       IntegerKey{&monitoring.health_check_interval, kHealthCheckMin, kHealthCheckMax}},
      {"monitoring.alert_on_failure", FlagKey{&monitoring.alert_on_failure}},
      {"monitoring.notification_channels",
       ChoiceListKey{{"email", "webhook"}, &monitoring.notification_channels}},
  };
}

std::vector<Key> RetentionKeys(Settings& settings) {
  Settings::Policies::DailyBackups& daily = settings.policies.daily_backups;
  Settings::Policies::IncrementalBackups& incremental = settings.policies.incremental_backups;
  Settings::Policies::WalFiles& wal = settings.policies.wal_files;
  return {
      {"policies.daily_backups.keep_daily", IntegerKey{&daily.keep_daily, 0, kCountMax}},
      {"policies.daily_backups.keep_weekly", IntegerKey{&daily.keep_weekly, 0, kCountMax}},
      {"policies.daily_backups.keep_monthly", IntegerKey{&daily.keep_monthly, 0, kCountMax}},
      {"policies.daily_backups.keep_yearly", IntegerKey{&daily.keep_yearly, 0, kCountMax}},
      {"policies.incremental_backups.keep_hours",
       IntegerKey{&incremental.keep_hours, 0, kHoursMax}},
      {"policies.incremental_backups.keep_daily",
       IntegerKey{&incremental.keep_daily, 0, kCountMax}},
      {"policies.wal_files.keep_days", IntegerKey{&wal.keep_days, 0, kDaysMax}},
      {"policies.wal_files.archive_after_days", IntegerKey{&wal.archive_after_days, 0, kDaysMax}},
  };
}

}  // namespace pgcairn::config
