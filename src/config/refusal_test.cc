// What Load refuses, and with which words.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/settings.h"
#include "config/testing/temporary_directory.h"

namespace pgcairn::config {
namespace {

class RefusalTest : public ::testing::Test {
 protected:
  RefusalTest() {
    options_.working_directory = "/";
    options_.system_directory = directory_.Path("etc");
    WriteConfig("{}");
  }

  void WriteConfig(std::string_view text, mode_t mode = 0644) {
    file_ = directory_.Write("base/config/backup.config.json", text, mode);
    options_.config_path = file_;
  }
  void WriteRetention(std::string_view text) {
    retention_file_ = directory_.Write("base/config/retention.config.json", text, 0644);
  }
  void WriteEnv(std::string_view text, mode_t mode) {
    env_file_ = directory_.Write("base/.env", text, mode);
  }

  Error Refused() {
    Result<Settings> settings = Load(options_);
    EXPECT_FALSE(settings.ok());
    if (settings.ok()) return {};
    EXPECT_NE(settings.code(), Code::kNotFound);
    EXPECT_FALSE(settings.error().hint.empty()) << settings.error().message;
    return settings.error();
  }
  void ExpectProblem(std::string_view config, const std::string& message, const std::string& hint) {
    WriteConfig(config);
    Error error = Refused();
    EXPECT_EQ(error.code, Code::kUsage);
    EXPECT_EQ(error.message, file_ + ", " + message);
    EXPECT_EQ(error.hint, hint);
  }

  testing::TemporaryDirectory directory_;
  LoadOptions options_;
  std::string file_;
  std::string retention_file_;
  std::string env_file_;
};

TEST_F(RefusalTest, UnknownKeysNameTheNearestKnown) {
  ExpectProblem("{\n\"storage\": {\"locl_path\": \"x\"}}", "line 2: storage.locl_path: unknown key",
                "did you mean storage.local_path?");
  ExpectProblem(R"({"storge": {"local_path": "x"}})", "line 1: storge: unknown key",
                "did you mean storage?");
  ExpectProblem(R"({"local_path": "x"})", "line 1: local_path: unknown key",
                "did you mean storage.local_path?");
  ExpectProblem(R"({"retention": {"full_backup": 1}})",
                "line 1: retention.full_backup: unknown key",
                "did you mean retention.full_backups?");
  ExpectProblem(R"({"cluster": {"jobs": 1}})", "line 1: cluster.jobs: unknown key",
                "did you mean performance.jobs?");
  ExpectProblem(R"({"Storage": {}})", "line 1: Storage: unknown key", "did you mean storage?");
  ExpectProblem(R"({"storage.local_path": "x"})", "line 1: storage.local_path: unknown key",
                "a section is an object: \"storage\": {\"local_path\": ...}");
}

TEST_F(RefusalTest, UnknownKeysFarFromAllListWhatIsKnown) {
  ExpectProblem(R"({"restore": {"something_else": 1}})",
                "line 1: restore.something_else: unknown key",
                "remove it; known here: test_directory, test_url");
}

TEST_F(RefusalTest, KeysOfTheOtherFileAreSentThere) {
  ExpectProblem(R"({"policies": {}})", "line 1: policies: unknown key",
                "move it to retention.config.json");
  WriteConfig("{}");
  WriteRetention(R"({"retention": {"wal_files": 1}})");
  Error error = Refused();
  EXPECT_EQ(error.message, retention_file_ + ", line 1: retention: unknown key");
  EXPECT_EQ(error.hint, "move it to backup.config.json");
}

TEST_F(RefusalTest, APassphraseInTheFileIsSentToTheEnvironment) {
  WriteConfig(R"({"encryption": {"passphrase": "hunter2"}})");
  Error error = Refused();
  EXPECT_EQ(error.message.find("hunter2"), std::string::npos);
  EXPECT_NE(error.hint.find("BACKUP_ENCRYPTION_KEY"), std::string::npos);
}

TEST_F(RefusalTest, WrongTypesNameWhatWasFoundAndWhatIsNeeded) {
  const std::string number = "write a whole number from 0 to 36500 without quotes";
  ExpectProblem(R"({"retention": {"wal_files": "14"}})",
                "line 1: retention.wal_files: found text, needed a whole number from 0 to 36500",
                number);
  ExpectProblem(
      R"({"retention": {"wal_files": 1.5}})",
      "line 1: retention.wal_files: found the number 1.5, needed a whole number from 0 to "
      "36500",
      number);
  ExpectProblem(R"({"retention": {"wal_files": null}})",
                "line 1: retention.wal_files: found null, needed a whole number from 0 to 36500",
                "remove the line to use the default, or " + number);
  ExpectProblem(R"({"storage": {"encryption_enabled": "true"}})",
                "line 1: storage.encryption_enabled: found text, needed true or false",
                "write true or false without quotes");
  ExpectProblem(R"({"storage": {"encryption_enabled": 1}})",
                "line 1: storage.encryption_enabled: found the number 1, needed true or false",
                "write true or false without quotes");
  ExpectProblem(R"({"storage": {"local_path": true}})",
                "line 1: storage.local_path: found true, needed a path", "write a path in quotes");
  ExpectProblem(R"({"storage": "x"})", "line 1: storage: found text, needed an object",
                "write { } with any of: local_path, log_path, offsite_enabled, encryption_enabled");
  ExpectProblem(R"({"monitoring": {"notification_channels": "email"}})",
                "line 1: monitoring.notification_channels: found text, needed a list",
                "write a list such as [\"email\", \"webhook\"]");
  ExpectProblem(R"({"schedules": {"full_backup": 2}})",
                "line 1: schedules.full_backup: found the number 2, needed a schedule",
                "write five cron fields in quotes, such as \"0 2 * * *\"");
  ExpectProblem(R"({"cluster": {"name": 5}})",
                "line 1: cluster.name: found the number 5, needed a name",
                "write a name in quotes");
  ExpectProblem(R"({"cluster": {"connection": {"password": "hunter2"}}})",
                "line 1: cluster.connection: found an object, needed a connection",
                "write \"postgresql://user@host:port/database\" or \"host=... dbname=...\"");
}

TEST_F(RefusalTest, ValuesOutOfRangeNameTheRange) {
  struct Case {
    std::string section, key;
    int64_t min, max;
  };
  for (const Case& c :
       {Case{"retention", "full_backups", 0, 36500}, Case{"prune", "grace", 0, 86400},
        Case{"prune", "lease_expiry", 1, 31536000}, Case{"prune", "max_share", 0, 100},
        Case{"retention", "incremental_backups", 0, 36500},
        Case{"monitoring", "health_check_interval", 10, 604800},
        Case{"cluster", "wal_timeout", 1, 86400}, Case{"cluster", "lock_timeout", 1, 86400},
        Case{"compression", "level", 1, 19}, Case{"performance", "jobs", 1, 256},
        Case{"performance", "one_scan_gib", 0, 1'048'576}}) {
    auto config = [&](int64_t value) {
      return "{\"" + c.section + "\": {\"" + c.key + "\": " + std::to_string(value) + "}}";
    };
    for (int64_t value : {c.min, c.max}) {
      WriteConfig(config(value));
      EXPECT_TRUE(Load(options_).ok()) << config(value);
    }
    for (int64_t value : {c.min - 1, c.max + 1}) {
      std::string range = std::to_string(c.min) + " to " + std::to_string(c.max);
      ExpectProblem(config(value),
                    "line 1: " + c.section + "." + c.key + ": " + std::to_string(value) +
                        " is outside " + range,
                    "write a whole number from " + range + " without quotes");
    }
  }
}

TEST_F(RefusalTest, BadCronStringsNameFileKeyFieldAndRange) {
  ExpectProblem(R"({"schedules": {"full_backup": "0 25 * * *"}})",
                "line 1: schedules.full_backup: field \"hour\": \"25\" is outside 0-23",
                "hour may hold *, 0-23, ranges a-b, lists a,b and steps */n or a-b/n");
}

TEST_F(RefusalTest, BadChoicesNameTheChoices) {
  ExpectProblem(R"({"cluster": {"method": "fast"}})",
                "line 1: cluster.method: \"fast\" is not \"auto\" or \"physical\" or \"logical\"",
                "write \"auto\" or \"physical\" or \"logical\"");
  ExpectProblem(R"({"monitoring": {"notification_channels": ["email", "pigeon"]}})",
                "line 1: monitoring.notification_channels: \"pigeon\" is not \"email\" or "
                "\"webhook\"",
                "write \"email\" or \"webhook\"");
  ExpectProblem(R"({"schedules": {"wal_archive": "daily"}})",
                "line 1: schedules.wal_archive: \"daily\" is not \"continuous\"",
                "write \"continuous\"");
}

TEST_F(RefusalTest, BadPathsAndNamesAreRefused) {
  const std::string hint = "write a full path, or one relative to the base folder";
  ExpectProblem(R"({"storage": {"local_path": ""}})",
                "line 1: storage.local_path: the path is empty", hint);
  ExpectProblem(R"({"storage": {"local_path": "~/x"}})",
                "line 1: storage.local_path: ~ is not expanded", hint);
  ExpectProblem(R"({"storage": {"local_path": "$HOME/x"}})",
                "line 1: storage.local_path: variables are not expanded", hint);
  ExpectProblem(R"({"storage": {"local_path": "a\u0000b"}})",
                "line 1: storage.local_path: the path holds a NUL character", hint);
  ExpectProblem(R"({"cluster": {"name": "-x"}})",
                "line 1: cluster.name: a name begins with neither . nor -", "choose another name");
  WriteConfig("{}");
  options_.environment["BACKUP_STORAGE_PATH"] = "~/x";
  EXPECT_EQ(Refused().message, "environment BACKUP_STORAGE_PATH: ~ is not expanded");
}

TEST_F(RefusalTest, AllProblemsOfAFileComeTogether) {
  WriteConfig("{\"storage\": {\"locl_path\": 1},\n \"retention\": {\"wal_files\": -1}}");
  Error error = Refused();
  EXPECT_EQ(
      error.message,
      file_ +
          " has 2 problems:\n"
          "  line 1: storage.locl_path: unknown key (did you mean storage.local_path?)\n"
          "  line 2: retention.wal_files: -1 is outside 0 to 36500 (write a whole number from "
          "0 to 36500 without quotes)");
  EXPECT_EQ(error.hint, "correct them in " + file_);
}

TEST_F(RefusalTest, BrokenJsonNamesFileLineAndColumn) {
  ExpectProblem("{\n  \"storage\": {},\n}",
                "line 3, column 1: syntax error while parsing object key "
                "- unexpected '}'; expected string literal",
                "correct it; comments (// and /* */) are allowed, a comma after the last member is "
                "not");
  WriteConfig("{}");
  WriteRetention("{\"policies\": }");
  EXPECT_TRUE(Refused().message.starts_with(retention_file_ + ", line 1, column 14: "));
}

TEST_F(RefusalTest, AnEnvFileThatShowsSecretsIsRefusedWithTheChmodLine) {
  for (const char* secret :
       {"BACKUP_ENCRYPTION_KEY=hunter2", "DATABASE_URL=postgresql://u:hunter2@h/db",
        "SUPABASE_DB_URL='host=h password=hunter2'", "PGPASSWORD=hunter2"}) {
    for (mode_t mode : {0640u, 0604u}) {
      WriteEnv(secret, mode);
      Error error = Refused();
      EXPECT_EQ(error.code, Code::kPermission);
      EXPECT_EQ(error.hint, "run: chmod 600 " + env_file_);
      EXPECT_EQ(error.message.find("hunter2"), std::string::npos);
    }
    WriteEnv(secret, 0600);
    EXPECT_TRUE(Load(options_).ok()) << secret;
  }
  WriteEnv("DATABASE_URL=postgresql://u@h/db\nBACKUP_STORAGE_PATH=/x\nBACKUP_ENCRYPTION_KEY=\n",
           0644);
  EXPECT_TRUE(Load(options_).ok());
}

TEST_F(RefusalTest, AConfigurationThatShowsAPasswordIsRefusedWithTheChmodLine) {
  const char* config = R"({"cluster": {"connection": "postgresql://u:hunter2@h/db"}})";
  WriteConfig(config, 0644);
  Error error = Refused();
  EXPECT_EQ(error.code, Code::kPermission);
  EXPECT_EQ(error.hint, "run: chmod 600 " + file_);
  EXPECT_EQ(error.message.find("hunter2"), std::string::npos);
  WriteConfig(config, 0600);
  EXPECT_TRUE(Load(options_).ok());
  WriteConfig(R"({"cluster": {"connection": "postgresql://u@h/db"}})", 0644);
  EXPECT_TRUE(Load(options_).ok());
}

TEST_F(RefusalTest, MistypedEnvKeysAreRefused) {
  WriteEnv("BACKUP_ENCRYPTION_KEYS=hunter2\n", 0600);
  Error error = Refused();
  EXPECT_EQ(error.code, Code::kUsage);
  EXPECT_EQ(error.message, env_file_ +
                               ", line 1: BACKUP_ENCRYPTION_KEYS is not a known key; did you mean "
                               "BACKUP_ENCRYPTION_KEY?");
}

TEST_F(RefusalTest, AFileThatIsNotThereIsNeverReportedAsNotFound) {
  ::unlink(file_.c_str());
  ASSERT_EQ(::symlink("/nonexistent/file", file_.c_str()), 0);
  EXPECT_EQ(Refused().code, Code::kUsage);
  ::unlink(file_.c_str());
  EXPECT_EQ(Refused().code, Code::kUsage);
  WriteConfig("{}");
  std::string env = directory_.Path("base/.env");
  ASSERT_EQ(::symlink("/nonexistent/file", env.c_str()), 0);
  EXPECT_EQ(Refused().code, Code::kUsage);
}

TEST_F(RefusalTest, AnUnreadableFileIsAPermissionError) {
  WriteEnv("BACKUP_STORAGE_PATH=/x\n", 0000);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(directory_.Path("base").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(directory_.Path("base/config").c_str(), 0755), 0);
  // Root reads everything: look as somebody else, in a process of its own.
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    Result<Settings> settings = Load(options_);
    bool refused = !settings.ok() && settings.code() == Code::kPermission &&
                   settings.error().message.find(env_file_) != std::string::npos;
    ::_exit(refused ? 0 : 1);
  }
  int state = 0;
  ASSERT_EQ(::waitpid(child, &state, 0), child);
  ASSERT_TRUE(WIFEXITED(state));
  EXPECT_EQ(WEXITSTATUS(state), 0);
}

}  // namespace
}  // namespace pgcairn::config
