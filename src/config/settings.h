// What pgcairn is told: files and environment merged, checked and resolved.
//
// docs/configuration.md says for people what each key means; the members bear the keys' names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config_search.h"
#include "config/secret.h"
#include "util/result.h"

namespace pgcairn::config {

// kAuto: physical where the data directory can be reached, never silently logical.
enum class Method { kAuto, kPhysical, kLogical };

// How much is verified of a backup that was just made: what its run stored, or everything that it
// needs.
enum class VerifyDepth { kNew, kDeep };

// One of libpq's own variables (PGHOST, PGPASSWORD, ...).
struct LibpqVariable {
  std::string name;
  Secret value;
};

// Every path is absolute, and only its text was checked: nothing was created or looked for.
struct Settings {
  // Empty when there is none.
  std::string config_file;
  std::string retention_file;
  std::string env_file;
  // What relative paths in the files and in BACKUP_STORAGE_PATH start from.
  std::string base_directory;

  struct Cluster {
    // [A-Za-z0-9._-]{1,63}, neither "." nor "-" first: names a folder of the repository.
    std::string name = "main";
    // A libpq URL or key=value text; may hold a password. Empty: none given, see
    // connection_from_libpq_environment.
    Secret connection;
    // Empty: ask the server.
    std::string data_directory;
    Method method = Method::kAuto;
    // Folder with pg_controldata, postgres, ...; empty: the system's place for the server's
    // version.
    std::string bin_dir;
    // Seconds that a backup waits for the WAL it needs to be archived, 1 to 86,400.
    int64_t wal_timeout = 60;
    // Seconds that a logical backup waits for a table that somebody has locked, 1 to 86,400.
    int64_t lock_timeout = 60;
  } cluster;

  // No connection is given, but libpq's own variables name one: connect with "".
  bool connection_from_libpq_environment = false;
  // libpq's variables that only `.env` holds. The program puts them into its environment (setenv)
  // before its first thread and connection.
  std::vector<LibpqVariable> libpq_variables;

  struct Encryption {
    // The host key; default <base>/storage/encryption/host.key.
    std::string key_file;
    // BACKUP_ENCRYPTION_KEY; empty: not given.
    Secret passphrase;
  } encryption;

  struct Storage {
    // The repository. Default <base>/storage/local.
    std::string local_path;
    // Default <base>/storage/logs.
    std::string log_path;
    bool offsite_enabled = true;
    // False: the repository's root key is stored unsealed. Counts when the repository is made.
    bool encryption_enabled = true;
  } storage;

  struct Compression {
    // zstd's, 1 to 19.
    int64_t level = 3;
  } compression;

  struct Backup {
    // Days after which an incremental backup reads every file, whatever its stamps say; 0: never.
    // To 36,500.
    int64_t verify_unchanged_days = 7;
  } backup;

  struct Compaction {
    // Percent of a pack that must be needed; below it, backups store the rest afresh. 0 (never) to
    // 90.
    int64_t live_share_min = 50;
  } compaction;

  struct Performance {
    // Threads, 1 to 256; default: the cores that the process may use.
    int64_t jobs = 1;
    // Tables up to this size are read in one scan by a logical backup, larger ones in parts; 0: all
    // large ones in parts. To 1,048,576.
    int64_t one_scan_gib = 4;
  } performance;

  struct Restore {
    // Where restore --test works; default TMPDIR, else /tmp.
    std::string test_directory;
    // Where restore --test of a logical backup makes a database of its own; a libpq URL or
    // key=value text, may hold a password. Empty: in a server that it starts here.
    Secret test_url;
  } restore;

  struct Schedules {
    // Five cron fields or a nickname, UTC.
    std::string full_backup = "0 2 * * *";
    std::string incremental_backup = "0 */6 * * *";
    // schedules.verification: "after_backup" or "never".
    bool verify_after_backup = true;
  } schedules;

  struct Verification {
    // Where schedules.verification asks for it. "new" or "deep".
    VerifyDepth depth = VerifyDepth::kNew;
  } verification;

  // Days, 0 to 36,500; what they mean is in docs/configuration.md, "What is kept".
  struct Retention {
    int64_t full_backups = 30;
    int64_t incremental_backups = 7;
    int64_t wal_files = 14;
  } retention;

  struct Prune {
    // Seconds between saying what is to be deleted and deleting it, 0 to 86,400.
    int64_t grace = 60;
    // Seconds after which a run of another host that still has its lease is given up, 1 to
    // 31,536,000.
    int64_t lease_expiry = 86'400;
    // Percent of the backups that one prune may delete, 0 to 100.
    int64_t max_share = 50;
  } prune;

  struct Monitoring {
    // Seconds, 10 to 604,800.
    int64_t health_check_interval = 3600;
    bool alert_on_failure = true;
    // "email", "webhook".
    std::vector<std::string> notification_channels = {"email", "webhook"};
  } monitoring;

  // retention.config.json. Counts of days, weeks, months, years (0 to 10,000) of which one backup
  // is kept each; keep_hours to 876,000; days to 36,500.
  struct Policies {
    struct DailyBackups {
      int64_t keep_daily = 7;
      int64_t keep_weekly = 4;
      int64_t keep_monthly = 12;
      int64_t keep_yearly = 5;
    } daily_backups;
    struct IncrementalBackups {
      int64_t keep_hours = 48;
      int64_t keep_daily = 7;
    } incremental_backups;
    struct WalFiles {
      int64_t keep_days = 14;
      int64_t archive_after_days = 30;
    } wal_files;
  } policies;

  // NOTIFICATION_EMAIL: addresses with commas between them; empty: not given.
  std::string notification_email;
  // SUPABASE_PROJECT_ID; empty: not given.
  std::string supabase_project_id;

  // By key path; what is missing is at its default.
  std::map<std::string, std::string, std::less<>> sources;

  // "<file>: <key>", "environment <NAME>", "<file>: <NAME>" for `.env`, "--cluster" or "default".
  // Key paths are those of the files ("storage.local_path", "policies.wal_files.keep_days"), and
  // "encryption.passphrase", "NOTIFICATION_EMAIL", "SUPABASE_PROJECT_ID" for what only the
  // environment can give.
  const std::string& SourceOf(std::string_view key_path) const;
  bool IsSet(std::string_view key_path) const { return sources.contains(key_path); }

  bool HasConnection() const {
    return !cluster.connection.empty() || connection_from_libpq_environment;
  }
  // kUsage when there is none, with all the ways to give one.
  Status RequireConnection() const;

  std::string LogFile() const { return storage.log_path + "/pgcairn.log"; }
};

// Environment over `.env` over files over defaults. Reads files, touches nothing else. Errors:
// kUsage for whatever is wrong in them, all problems of one file together; kPermission for a file
// that cannot be read or shows a secret to others; kStorage when reading fails. Never kNotFound.
Result<Settings> Load(const LoadOptions& options);

// One line for each part of the configuration that was set, is valid, and that nothing acts on yet:
// the keys, and why.
std::vector<std::string> KeysNotInEffect(const Settings& settings);

// Why `name` cannot name a cluster; empty when it can.
std::string ClusterNameProblem(std::string_view name);

}  // namespace pgcairn::config
