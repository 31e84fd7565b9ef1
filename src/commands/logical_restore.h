// Restores a logical backup, or some of its tables, into a database; and tables or definitions of a
// physical one, as they were at any moment of its window.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/recovery_target.h"
#include "config/settings.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

enum class LogicalScope {
  kEverything,
  kSchema,  // definitions, no rows
  kTables,  // those that are named, with their rows
};

struct LogicalRestoreOptions {
  std::string source = "latest";  // the newest backup (the newest logical one for everything), or
                                  // a backup's id
  LogicalScope scope = LogicalScope::kEverything;
  // A moment: of physical backups alone.
  std::optional<RecoveryTarget> moment;
  std::string source_database;      // of a physical backup; empty: its only one
  std::string target_url;           // empty: the cluster's own database
  std::vector<std::string> tables;  // "schema.name", or a name that is unique in the backup
  // Of the one table that is named: its rows go into a new table of this name, "name" in the same
  // schema or "schema.name". Empty: to the names that tables had.
  std::string as;
  bool replace = false;  // rows of tables that are there already
  bool create_roles = false;
  bool skip_extensions = false;  // those that the target cannot have, and what needs them
  bool dry_run = false;
  ProgressStyle progress = ProgressStyle::kNone;
};

struct RecoveredMoment {
  std::string database;
  std::string target;  // as it was understood
  uint32_t timeline = 0;
  std::vector<std::string> explanation;
  // Why all of the backup was restored; empty when parts of other databases were left out.
  std::string everything_because;
  uint64_t bytes_restored = 0;
  uint64_t bytes_left_out = 0;
  double restore_seconds = 0;
  double recovery_seconds = 0;
};

struct LogicalRestoreReport {
  struct Table {
    std::string schema;
    std::string name;
    uint64_t rows = 0;
    uint64_t bytes = 0;  // of the rows' text
  };
  std::string backup_id;
  std::string database;  // the target's name
  bool dry_run = false;
  // What is to be done, and how much of that was, in order.
  std::vector<std::string> steps;
  size_t steps_done = 0;
  std::vector<Table> tables;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t large_objects = 0;
  uint64_t sequences = 0;
  std::vector<std::string> missing_roles;  // made, when create_roles says so
  // What the target will not have, and why; what else is worth knowing.
  std::vector<std::string> skipped;
  std::vector<std::string> warnings;
  // Dry run: why nothing would be restored.
  std::vector<std::string> refusals;
  uint64_t requests = 0;  // to the storage, of all kinds
  uint64_t bytes_fetched = 0;
  double seconds = 0;
  // Of a physical backup: what was restored and recovered to have the rows.
  std::optional<RecoveredMoment> recovered;

  // Of a table of `tables`, once they were read.
  void CountBytes(const std::string& schema, const std::string& name, uint64_t bytes_read);
};

// When this returns OK every row that the backup has of the restored tables is there, committed:
// they were counted. Errors before anything was changed: kUsage, kNotFound, kRefused (the database
// is not empty, roles or extensions are missing), kPermission, kConnection; of a physical backup
// also kUnreachableTarget, kNoSpace, and what restore --test can end with. Afterwards they say
// what was done and how to go on: kDamaged, and whatever the server or pg_restore answers.
Result<LogicalRestoreReport> RestoreLogical(const config::Settings& settings,
                                            const LogicalRestoreOptions& options);

}  // namespace pgcairn::commands
