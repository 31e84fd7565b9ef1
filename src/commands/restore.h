// Restores a backup, and tells the server how far to replay the archived WAL.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/recovery_target.h"
#include "config/settings.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RestoreOptions {
  std::string source = "latest";  // or a backup's id
  RecoveryTarget target;
  std::string target_directory;             // empty: the cluster's own data directory
  std::vector<std::string> tablespace_map;  // "OLD=NEW"
  std::string target_action = "promote";    // promote, pause or shutdown
  bool keep_archive_mode = false;
  bool delta = false;  // the directory may be the cluster's own, whole or half restored
  ProgressStyle progress = ProgressStyle::kNone;
};

struct RestoreReport {
  std::string backup_id;
  std::string data_directory;
  std::string config_directory;  // empty when the backup holds no configuration from outside
  uint32_t timeline = 0;
  std::string target;  // as it was understood
  std::vector<std::string> explanation;
  uint64_t files = 0;
  uint64_t bytes = 0;  // that the files have
  // Of relations: pages that were compared with what was there, and pages that were written.
  uint64_t pages_compared = 0;
  uint64_t pages_written = 0;
  uint64_t bytes_written = 0;  // to all files of the backup
  uint64_t files_removed = 0;  // that the backup does not have
  uint64_t requests = 0;       // to the storage, of all kinds
  uint64_t bytes_fetched = 0;
  double seconds = 0;
  bool archives = false;  // as the backup's server did; else not until archive_mode is set on again
  // What to run now, one command a line.
  std::vector<std::string> next_commands;
};

// When this returns OK the directory is whole, durable, and recovers to the target when a server is
// started on it. pg_control is written last, and with `delta` taken away first: meanwhile no server
// starts on it, and if this process ends meanwhile, another run with `delta` goes on from there.
// Errors: kUnreachableTarget, kUsage, kNotFound, kRefused, before a byte is written; kDamaged,
// kNoSpace, kStorage meanwhile, and the directory cannot be started.
Result<RestoreReport> Restore(const config::Settings& settings, const RestoreOptions& options);

struct RestoreTestReport {
  RestoreReport restore;
  double restore_seconds = 0;
  double recovery_seconds = 0;
  double query_seconds = 0;
  double stop_seconds = 0;
  struct DatabaseResult {
    std::string name;
    uint64_t relations = 0;
  };
  std::vector<DatabaseResult> databases;
};

// Restores below restore.test_directory, starts a server on it that nobody can reach and that
// reaches nobody, waits until recovery is over, asks every database, stops the server and removes
// everything. Nothing at the source or in the repository is changed.
Result<RestoreTestReport> TestRestore(const config::Settings& settings,
                                      const RestoreOptions& options);

}  // namespace pgcairn::commands
