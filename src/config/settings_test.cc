#include "config/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "config/testing/seed_files.h"
#include "config/testing/temporary_directory.h"

namespace pgcairn::config {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    options_.working_directory = directory_.Path("cwd");
    options_.system_directory = directory_.Path("etc");
    directory_.Write("cwd/unrelated", "");
  }

  void WriteConfig(std::string_view text, mode_t mode = 0644) {
    file_ = directory_.Write("base/config/backup.config.json", text, mode);
    options_.config_path = directory_.Path("base");
  }
  void WriteRetention(std::string_view text) {
    retention_file_ = directory_.Write("base/config/retention.config.json", text, 0644);
  }
  void WriteEnv(std::string_view text, mode_t mode = 0600) {
    env_file_ = directory_.Write("base/.env", text, mode);
  }

  Settings Loaded() {
    Result<Settings> settings = Load(options_);
    EXPECT_TRUE(settings.ok()) << settings.error().message;
    return settings.ok() ? std::move(settings).value() : Settings();
  }
  Error Refused() {
    Result<Settings> settings = Load(options_);
    EXPECT_FALSE(settings.ok());
    if (settings.ok()) return {};
    EXPECT_FALSE(settings.error().hint.empty()) << settings.error().message;
    return settings.error();
  }

  testing::TemporaryDirectory directory_;
  LoadOptions options_;
  std::string file_;
  std::string retention_file_;
  std::string env_file_;
};

TEST_F(SettingsTest, TheSeedLoadsAsItStands) {
  WriteConfig(testing::kSeedBackupConfig);
  WriteRetention(testing::kSeedRetentionConfig);
  WriteEnv(testing::kSeedEnv);
  Settings settings = Loaded();
  EXPECT_EQ(settings.config_file, file_);
  EXPECT_EQ(settings.retention_file, retention_file_);
  EXPECT_EQ(settings.env_file, env_file_);
  EXPECT_EQ(settings.schedules.full_backup, "0 2 * * *");
  EXPECT_EQ(settings.schedules.incremental_backup, "0 */6 * * *");
  EXPECT_TRUE(settings.schedules.verify_after_backup);
  EXPECT_EQ(settings.retention.full_backups, 30);
  EXPECT_EQ(settings.retention.incremental_backups, 7);
  EXPECT_EQ(settings.retention.wal_files, 14);
  EXPECT_TRUE(settings.storage.offsite_enabled);
  EXPECT_TRUE(settings.storage.encryption_enabled);
  EXPECT_EQ(settings.monitoring.health_check_interval, 3600);
  EXPECT_TRUE(settings.monitoring.alert_on_failure);
  EXPECT_EQ(settings.monitoring.notification_channels,
            (std::vector<std::string>{"email", "webhook"}));
  EXPECT_EQ(settings.policies.daily_backups.keep_daily, 7);
  EXPECT_EQ(settings.policies.daily_backups.keep_weekly, 4);
  EXPECT_EQ(settings.policies.daily_backups.keep_monthly, 12);
  EXPECT_EQ(settings.policies.daily_backups.keep_yearly, 5);
  EXPECT_EQ(settings.policies.incremental_backups.keep_hours, 48);
  EXPECT_EQ(settings.policies.incremental_backups.keep_daily, 7);
  EXPECT_EQ(settings.policies.wal_files.keep_days, 14);
  EXPECT_EQ(settings.policies.wal_files.archive_after_days, 30);
  EXPECT_EQ(settings.cluster.connection.Reveal(),
            "postgresql://postgres:[password]@db.chekmxqlnosxphbmxiil.supabase.co:5432/postgres");
  EXPECT_EQ(settings.encryption.passphrase.Reveal(), "your-encryption-key-here");
  EXPECT_EQ(settings.storage.local_path, "/path/to/backup/storage");
  EXPECT_EQ(settings.notification_email, "admin@yourproject.com");
  EXPECT_EQ(settings.supabase_project_id, "chekmxqlnosxphbmxiil");
}

TEST_F(SettingsTest, AnEmptyEnvironmentAndNoFileGiveDefaults) {
  Settings settings = Loaded();
  EXPECT_EQ(settings.config_file, "");
  EXPECT_EQ(settings.retention_file, "");
  EXPECT_EQ(settings.env_file, "");
  EXPECT_EQ(settings.base_directory, directory_.Path("cwd"));
  EXPECT_EQ(settings.cluster.name, "main");
  EXPECT_EQ(settings.cluster.method, Method::kAuto);
  EXPECT_EQ(settings.cluster.wal_timeout, 60);
  EXPECT_EQ(settings.cluster.lock_timeout, 60);
  EXPECT_EQ(settings.cluster.data_directory, "");
  EXPECT_EQ(settings.cluster.bin_dir, "");
  EXPECT_EQ(settings.storage.local_path, directory_.Path("cwd/storage/local"));
  EXPECT_EQ(settings.storage.log_path, directory_.Path("cwd/storage/logs"));
  EXPECT_EQ(settings.encryption.key_file, directory_.Path("cwd/storage/encryption/host.key"));
  EXPECT_TRUE(settings.encryption.passphrase.empty());
  EXPECT_EQ(settings.compression.level, 3);
  EXPECT_TRUE(settings.schedules.verify_after_backup);
  EXPECT_EQ(settings.verification.depth, VerifyDepth::kNew);
  EXPECT_EQ(settings.performance.jobs, std::max(1u, std::thread::hardware_concurrency()));
  EXPECT_EQ(settings.performance.one_scan_gib, 4);
  EXPECT_EQ(settings.restore.test_directory, "/tmp");
  EXPECT_TRUE(settings.storage.encryption_enabled);
  EXPECT_EQ(settings.SourceOf("storage.local_path"), "default");
  EXPECT_TRUE(KeysNotInEffect(settings).empty());
  EXPECT_FALSE(settings.HasConnection());
  Status required = settings.RequireConnection();
  ASSERT_FALSE(required.ok());
  EXPECT_EQ(required.code(), Code::kUsage);
  EXPECT_NE(required.error().hint.find(directory_.Path("cwd/.env")), std::string::npos);
}

TEST_F(SettingsTest, AConnectionInTheEnvironmentIsAllThatIsNeeded) {
  options_.environment["DATABASE_URL"] = "postgresql://u@h/db";
  Settings settings = Loaded();
  EXPECT_EQ(settings.cluster.connection.Reveal(), "postgresql://u@h/db");
  EXPECT_EQ(settings.SourceOf("cluster.connection"), "environment DATABASE_URL");
  EXPECT_FALSE(settings.connection_from_libpq_environment);
  EXPECT_TRUE(settings.RequireConnection().ok());
}

TEST_F(SettingsTest, OwnKeysAreReadWithTheirSources) {
  WriteConfig(R"({
    "cluster": {"name": "shop.eu-1", "connection": "host=/run dbname=x", "data_directory": "/d",
                "method": "physical", "bin_dir": "bin", "wal_timeout": 5,
                "lock_timeout": 6},
    "storage": {"log_path": "logs"}, "encryption": {"key_file": "/k"}, "compression": {"level": 19},
    "performance": {"jobs": 7, "one_scan_gib": 0}, "restore": {"test_directory": "t", "test_url": "host=/trials"},
    "schedules": {"verification": "never"}, "verification": {"depth": "deep"}, "monitoring": {"notification_channels": []}})");
  Settings settings = Loaded();
  EXPECT_EQ(settings.cluster.name, "shop.eu-1");
  EXPECT_EQ(settings.cluster.connection.Reveal(), "host=/run dbname=x");
  EXPECT_EQ(settings.cluster.data_directory, "/d");
  EXPECT_EQ(settings.cluster.method, Method::kPhysical);
  EXPECT_EQ(settings.cluster.bin_dir, directory_.Path("base/bin"));
  EXPECT_EQ(settings.cluster.wal_timeout, 5);
  EXPECT_EQ(settings.cluster.lock_timeout, 6);
  EXPECT_EQ(settings.storage.log_path, directory_.Path("base/logs"));
  EXPECT_EQ(settings.encryption.key_file, "/k");
  EXPECT_EQ(settings.compression.level, 19);
  EXPECT_EQ(settings.performance.jobs, 7);
  EXPECT_EQ(settings.performance.one_scan_gib, 0);
  EXPECT_EQ(settings.restore.test_directory, directory_.Path("base/t"));
  EXPECT_EQ(settings.restore.test_url.Reveal(), "host=/trials");
  EXPECT_FALSE(settings.schedules.verify_after_backup);
  EXPECT_EQ(settings.verification.depth, VerifyDepth::kDeep);
  EXPECT_TRUE(settings.monitoring.notification_channels.empty());
  EXPECT_EQ(settings.SourceOf("cluster.bin_dir"), file_ + ": cluster.bin_dir");
  EXPECT_EQ(settings.SourceOf("retention.wal_files"), "default");
}

TEST_F(SettingsTest, RelativePathsStartAtTheFolderAboveConfigAndNeverAtTheWorkingDirectory) {
  WriteConfig(R"({"storage": {"local_path": "./storage/../repo/"}})");
  for (const char* working_directory : {"/", "/usr", "/nonexistent/place"}) {
    options_.working_directory = working_directory;
    Settings settings = Loaded();
    EXPECT_EQ(settings.storage.local_path, directory_.Path("base/repo"));
    EXPECT_EQ(settings.encryption.key_file, directory_.Path("base/storage/encryption/host.key"));
  }
  options_.environment["BACKUP_STORAGE_PATH"] = "elsewhere/repo";
  EXPECT_EQ(Loaded().storage.local_path, directory_.Path("base/elsewhere/repo"));
}

TEST_F(SettingsTest, AFileOutsideAFolderNamedConfigIsItsOwnBase) {
  options_.config_path = directory_.Write("flat/backup.config.json", "{}", 0644);
  directory_.Write("flat/retention.config.json", R"({"policies": {"wal_files": {"keep_days": 3}}})",
                   0644);
  Settings settings = Loaded();
  EXPECT_EQ(settings.base_directory, directory_.Path("flat"));
  EXPECT_EQ(settings.policies.wal_files.keep_days, 3);
}

TEST_F(SettingsTest, TheEnvironmentWinsOverEnvFileOverConfiguration) {
  WriteConfig(R"({"storage": {"local_path": "/from/file"},
                  "cluster": {"connection": "host=from-file"}})");
  Settings settings = Loaded();
  EXPECT_EQ(settings.storage.local_path, "/from/file");
  EXPECT_EQ(settings.SourceOf("storage.local_path"), file_ + ": storage.local_path");

  WriteEnv("BACKUP_STORAGE_PATH=/from/env-file\nDATABASE_URL=host=from-env-file\n");
  settings = Loaded();
  EXPECT_EQ(settings.storage.local_path, "/from/env-file");
  EXPECT_EQ(settings.cluster.connection.Reveal(), "host=from-env-file");
  EXPECT_EQ(settings.SourceOf("storage.local_path"), env_file_ + ": BACKUP_STORAGE_PATH");

  options_.environment["BACKUP_STORAGE_PATH"] = "/from/process";
  options_.environment["DATABASE_URL"] = "host=from-process";
  settings = Loaded();
  EXPECT_EQ(settings.storage.local_path, "/from/process");
  EXPECT_EQ(settings.cluster.connection.Reveal(), "host=from-process");
  EXPECT_EQ(settings.SourceOf("storage.local_path"), "environment BACKUP_STORAGE_PATH");
}

TEST_F(SettingsTest, AnEmptyVariableHidesTheOneInTheEnvFile) {
  WriteConfig(R"({"cluster": {"connection": "host=from-file"}})");
  WriteEnv("DATABASE_URL=host=from-env-file\n");
  options_.environment["DATABASE_URL"] = "";
  EXPECT_EQ(Loaded().cluster.connection.Reveal(), "host=from-file");
}

TEST_F(SettingsTest, TwoDifferentConnectionsAreRefused) {
  WriteConfig("{}");
  WriteEnv("SUPABASE_DB_URL=postgresql://u:hunter2@one/db\n");
  options_.environment["DATABASE_URL"] = "postgresql://u:hunter2@two/db";
  Error error = Refused();
  EXPECT_EQ(error.code, Code::kUsage);
  EXPECT_EQ(error.message, "two different connections are given: environment DATABASE_URL and " +
                               env_file_ + ": SUPABASE_DB_URL");
  options_.environment["DATABASE_URL"] = "postgresql://u:hunter2@one/db";
  EXPECT_EQ(Loaded().cluster.connection.Reveal(), "postgresql://u:hunter2@one/db");
}

TEST_F(SettingsTest, AConnectionThatLibpqWouldNotTakeIsRefusedWithoutShowingIt) {
  options_.environment["DATABASE_URL"] = "mysql://u:hunter2@h/db";
  Error error = Refused();
  EXPECT_EQ(error.message,
            "environment DATABASE_URL: the scheme mysql:// is not one that PostgreSQL's library "
            "takes");
  options_.environment["DATABASE_URL"] = "hunter2";
  EXPECT_EQ(Refused().message.find("hunter2"), std::string::npos);
}

TEST_F(SettingsTest, LibpqVariablesCountAsAConnection) {
  for (const char* name : {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER"}) {
    options_.environment = {{name, "x"}};
    Settings settings = Loaded();
    EXPECT_TRUE(settings.connection_from_libpq_environment) << name;
    EXPECT_TRUE(settings.cluster.connection.empty());
    EXPECT_TRUE(settings.HasConnection());
    EXPECT_EQ(settings.SourceOf("cluster.connection"), std::string("environment ") + name);
  }
  options_.environment = {{"PGPASSWORD", "x"}, {"PGSSLMODE", "require"}};
  EXPECT_FALSE(Loaded().connection_from_libpq_environment);
  options_.environment = {{"PGHOST", "x"}, {"DATABASE_URL", "host=h"}};
  EXPECT_FALSE(Loaded().connection_from_libpq_environment);
}

TEST_F(SettingsTest, LibpqVariablesOfTheEnvFileAreHandedOn) {
  WriteConfig("{}");
  WriteEnv("PGHOST=h\nPGPASSWORD=hunter2\nPGUSER=from-env-file\nPGDATA=/d\nPGADMIN_PORT=1\n");
  options_.environment["PGUSER"] = "from-process";
  Settings settings = Loaded();
  ASSERT_EQ(settings.libpq_variables.size(), 2u);
  EXPECT_EQ(settings.libpq_variables[0].name, "PGHOST");
  EXPECT_EQ(settings.libpq_variables[1].name, "PGPASSWORD");
  EXPECT_EQ(settings.libpq_variables[1].value.Reveal(), "hunter2");
  EXPECT_TRUE(settings.connection_from_libpq_environment);
}

TEST_F(SettingsTest, TheClusterOptionWins) {
  WriteConfig(R"({"cluster": {"name": "one"}})");
  options_.cluster = "two";
  Settings settings = Loaded();
  EXPECT_EQ(settings.cluster.name, "two");
  EXPECT_EQ(settings.SourceOf("cluster.name"), "--cluster");
  options_.cluster = "../two";
  EXPECT_EQ(Refused().message.substr(0, 11), "--cluster: ");
}

TEST(ClusterNameProblem, AllowsWhatIsSafeAsAFolderName) {
  for (const char* good : {"main", "a", "A.b_c-9", "9"}) EXPECT_EQ(ClusterNameProblem(good), "");
  EXPECT_EQ(ClusterNameProblem(std::string(63, 'a')), "");
  for (const std::string& bad : {std::string(64, 'a'), std::string(), std::string("."),
                                 std::string("..a"), std::string("-a"), std::string("a/b"),
                                 std::string("a b"), std::string("ä"), std::string("a\0b", 3)}) {
    EXPECT_NE(ClusterNameProblem(bad), "") << bad;
  }
}

TEST_F(SettingsTest, TemporaryDirectoryOfTheSystemIsTheDefaultForTests) {
  options_.environment["TMPDIR"] = "/var/tmp";
  EXPECT_EQ(Loaded().restore.test_directory, "/var/tmp");
  options_.environment["TMPDIR"] = "relative";
  EXPECT_EQ(Loaded().restore.test_directory, "/tmp");
}

TEST_F(SettingsTest, EmailAddressesAreChecked) {
  for (const char* good : {"a@b", "a@b.c, d@e.f"}) {
    options_.environment["NOTIFICATION_EMAIL"] = good;
    EXPECT_EQ(Loaded().notification_email, good);
  }
  for (const char* bad : {"a", "@b", "a@", "a@b@c", "a b@c", "a@b,", "A <a@b>"}) {
    options_.environment["NOTIFICATION_EMAIL"] = bad;
    EXPECT_EQ(Refused().code, Code::kUsage) << bad;
  }
}

TEST_F(SettingsTest, KeysThatNothingActsOnYetAreListedWhenSet) {
  WriteConfig(testing::kSeedBackupConfig);
  WriteRetention(testing::kSeedRetentionConfig);
  WriteEnv(testing::kSeedEnv);
  std::vector<std::string> lines = KeysNotInEffect(Loaded());
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[0].substr(0, lines[0].find(": ")),
            "schedules.full_backup, schedules.incremental_backup, schedules.wal_archive");
  EXPECT_TRUE(lines[1].starts_with("policies.wal_files.archive_after_days: "));
  EXPECT_TRUE(lines[2].starts_with("storage.offsite_enabled: "));
  EXPECT_TRUE(lines[3].starts_with("monitoring."));
  EXPECT_TRUE(lines[4].starts_with("NOTIFICATION_EMAIL: "));
  EXPECT_TRUE(lines[5].starts_with("SUPABASE_PROJECT_ID: "));

  WriteConfig(R"({"storage": {"offsite_enabled": false, "local_path": "x"},
                  "performance": {"jobs": 2}})");
  ::unlink(retention_file_.c_str());
  ::unlink(env_file_.c_str());
  EXPECT_TRUE(KeysNotInEffect(Loaded()).empty());
}

}  // namespace
}  // namespace pgcairn::config
