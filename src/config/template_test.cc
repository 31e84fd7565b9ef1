#include "config/template.h"

#include <gtest/gtest.h>

#include <sstream>

#include "config/settings.h"
#include "config/testing/seed_files.h"
#include "config/testing/temporary_directory.h"

namespace pgcairn::config {
namespace {

Settings LoadedFrom(const testing::TemporaryDirectory& directory, std::string_view config,
                    std::string_view retention) {
  LoadOptions options;
  options.working_directory = "/";
  options.config_path = directory.Write("config/backup.config.json", config, 0644);
  directory.Write("config/retention.config.json", retention, 0644);
  Result<Settings> settings = Load(options);
  EXPECT_TRUE(settings.ok()) << settings.error().message;
  return settings.ok() ? std::move(settings).value() : Settings();
}

// The file with every commented key put to use.
std::string Uncommented(const std::string& text) {
  std::istringstream lines(text);
  std::string all;
  for (std::string line; std::getline(lines, line);) {
    size_t slashes = line.find_first_not_of(' ');
    if (slashes != std::string::npos && line.compare(slashes, 4, "// \"") == 0) {
      line.erase(slashes, 3);
    }
    all += line + "\n";
  }
  return all;
}

TEST(ConfigTemplate, LoadsWithTheValuesOfTheSeed) {
  testing::TemporaryDirectory directory;
  Settings seed = LoadedFrom(directory, testing::kSeedBackupConfig, testing::kSeedRetentionConfig);
  Settings made = LoadedFrom(directory, ConfigTemplate("main"), RetentionTemplate());
  EXPECT_EQ(made.schedules.full_backup, seed.schedules.full_backup);
  EXPECT_EQ(made.schedules.incremental_backup, seed.schedules.incremental_backup);
  EXPECT_EQ(made.schedules.verify_after_backup, seed.schedules.verify_after_backup);
  EXPECT_EQ(made.retention.full_backups, seed.retention.full_backups);
  EXPECT_EQ(made.retention.incremental_backups, seed.retention.incremental_backups);
  EXPECT_EQ(made.retention.wal_files, seed.retention.wal_files);
  EXPECT_EQ(made.storage.local_path, seed.storage.local_path);
  EXPECT_EQ(made.storage.offsite_enabled, seed.storage.offsite_enabled);
  EXPECT_EQ(made.storage.encryption_enabled, seed.storage.encryption_enabled);
  EXPECT_EQ(made.monitoring.health_check_interval, seed.monitoring.health_check_interval);
  EXPECT_EQ(made.monitoring.alert_on_failure, seed.monitoring.alert_on_failure);
  EXPECT_EQ(made.monitoring.notification_channels, seed.monitoring.notification_channels);
  EXPECT_EQ(made.policies.daily_backups.keep_daily, seed.policies.daily_backups.keep_daily);
  EXPECT_EQ(made.policies.daily_backups.keep_weekly, seed.policies.daily_backups.keep_weekly);
  EXPECT_EQ(made.policies.daily_backups.keep_monthly, seed.policies.daily_backups.keep_monthly);
  EXPECT_EQ(made.policies.daily_backups.keep_yearly, seed.policies.daily_backups.keep_yearly);
  EXPECT_EQ(made.policies.incremental_backups.keep_hours,
            seed.policies.incremental_backups.keep_hours);
  EXPECT_EQ(made.policies.incremental_backups.keep_daily,
            seed.policies.incremental_backups.keep_daily);
  EXPECT_EQ(made.policies.wal_files.keep_days, seed.policies.wal_files.keep_days);
  EXPECT_EQ(made.policies.wal_files.archive_after_days, seed.policies.wal_files.archive_after_days);
  for (const auto& [key, source] : seed.sources) EXPECT_TRUE(made.IsSet(key)) << key;
  EXPECT_TRUE(made.IsSet("cluster.name"));
  EXPECT_EQ(made.sources.size(), seed.sources.size() + 1);
}

// The seed's values are the defaults, so a key that is left out means the same.
TEST(ConfigTemplate, TheSeedsValuesAreTheDefaults) {
  testing::TemporaryDirectory directory;
  Settings seed = LoadedFrom(directory, testing::kSeedBackupConfig, testing::kSeedRetentionConfig);
  Settings nothing = LoadedFrom(directory, "{}", "{}");
  EXPECT_EQ(nothing.schedules.full_backup, seed.schedules.full_backup);
  EXPECT_EQ(nothing.schedules.incremental_backup, seed.schedules.incremental_backup);
  EXPECT_EQ(nothing.retention.full_backups, seed.retention.full_backups);
  EXPECT_EQ(nothing.retention.incremental_backups, seed.retention.incremental_backups);
  EXPECT_EQ(nothing.retention.wal_files, seed.retention.wal_files);
  EXPECT_EQ(nothing.storage.local_path, seed.storage.local_path);
  EXPECT_EQ(nothing.monitoring.health_check_interval, seed.monitoring.health_check_interval);
  EXPECT_EQ(nothing.monitoring.notification_channels, seed.monitoring.notification_channels);
  EXPECT_EQ(nothing.policies.daily_backups.keep_yearly, seed.policies.daily_backups.keep_yearly);
  EXPECT_EQ(nothing.policies.incremental_backups.keep_hours,
            seed.policies.incremental_backups.keep_hours);
  EXPECT_EQ(nothing.policies.wal_files.archive_after_days,
            seed.policies.wal_files.archive_after_days);
}

TEST(ConfigTemplate, EveryCommentedKeyCanBePutToUse) {
  testing::TemporaryDirectory directory;
  Settings settings =
      LoadedFrom(directory, Uncommented(ConfigTemplate("main")), RetentionTemplate());
  for (const char* key :
       {"cluster.connection", "cluster.data_directory", "cluster.method", "cluster.bin_dir",
        "cluster.wal_timeout", "cluster.lock_timeout", "storage.log_path", "encryption.key_file",
        "compression.level", "performance.jobs", "performance.one_scan_gib",
        "restore.test_directory", "restore.test_url", "verification.depth"}) {
    EXPECT_TRUE(settings.IsSet(key)) << key;
  }
  EXPECT_EQ(settings.storage.log_path, directory.Path("storage/logs"));
  EXPECT_EQ(settings.encryption.key_file, directory.Path("storage/encryption/host.key"));
  EXPECT_EQ(settings.compression.level, Settings().compression.level);
  EXPECT_EQ(settings.cluster.wal_timeout, Settings().cluster.wal_timeout);
  EXPECT_EQ(settings.cluster.lock_timeout, Settings().cluster.lock_timeout);
}

TEST(ConfigTemplate, NamesTheCluster) {
  testing::TemporaryDirectory directory;
  EXPECT_EQ(LoadedFrom(directory, ConfigTemplate("shop-2"), "{}").cluster.name, "shop-2");
}

}  // namespace
}  // namespace pgcairn::config
