// Proves that a logical backup can be restored: in a database that is made for it and goes again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/logical_restore.h"
#include "config/settings.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct LogicalTestOptions {
  std::string source = "latest";  // the newest logical backup with rows; or a backup's id
  bool create_roles = false;      // at restore.test_url; a server of our own has none anyway
  ProgressStyle progress = ProgressStyle::kNone;
};

struct LogicalTestReport {
  LogicalRestoreReport restore;
  bool own_server = false;  // that was started for it; else the one of restore.test_url
  int server_major = 0;
  // At restore.test_url: what killed trials had left there.
  std::vector<std::string> removed_databases;
  uint64_t tables_counted = 0;
  double start_seconds = 0;  // until there was a database to restore into
  double restore_seconds = 0;
  double query_seconds = 0;
  double stop_seconds = 0;
};

// Restores everything into a new database: of the server of restore.test_url, under a name that
// nobody else has; or of a server that is made below restore.test_directory and that nobody can
// reach, of the backup's version or the next newer one that this host has. Then counts the rows of
// every table, when all constraints and triggers are there, and holds them against the backup's.
// The database, or the server with all its files, is removed, however this ends; and first what a
// killed trial left (sources/logical/trial_databases.h, trial_directory.h). Of nothing else at
// restore.test_url anything is changed, but for roles with create_roles.
// Errors: those of RestoreLogical; kFailed (a table has another number of rows); kNotFound (no
// programs of a version that fits).
Result<LogicalTestReport> TestLogicalRestore(const config::Settings& settings,
                                             const LogicalTestOptions& options);

}  // namespace pgcairn::commands
