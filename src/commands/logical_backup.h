// Takes a logical backup: one database as one snapshot shows it, through a connection alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/backup.h"
#include "config/settings.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct LogicalBackupReport {
  std::string backup_id;
  bool test = false;
  bool incremental = false;
  bool schema_only = false;
  std::string base_backup_id;  // of an incremental one
  std::string database;
  Timestamp snapshot_at;  // the server's clock
  uint64_t tables = 0;
  uint64_t rows = 0;
  uint64_t bytes_read = 0;  // of rows and definitions, as they came
  uint64_t chunks = 0;
  uint64_t chunks_new = 0;             // not stored already
  uint64_t bytes_stored = 0;           // of all packs that the run wrote
  uint64_t data_bytes_stored = 0;      // of what changed
  uint64_t metadata_bytes_stored = 0;  // of all packs of metadata
  uint64_t bytes_compacted = 0;        // of what was stored afresh to empty packs
  uint64_t packs = 0;                  // that the run wrote
  uint64_t workers = 0;                // sessions that copied beside each other
  std::vector<std::string> left_out;   // what the backup does not hold and why
  double seconds = 0;
  double copy_seconds = 0;
};

// Of `options` verify_unchanged and fast_checkpoint mean nothing here.
//
// When this returns OK the backup exists, is durable, and holds every row that the role may read of
// every table, as of one moment; with schema_only all definitions and no row. Errors: kNotFound (no
// pg_dump that fits the server), kTimeout (a table is locked by somebody else), kPermission,
// kConnection, kNoSpace, kStorage, kRefused (another backup goes on; another server), kUnsupported,
// kFailed with the server's words. On an error nothing calls itself a backup and what was stored is
// deleted, as Backup does it.
Result<LogicalBackupReport> LogicalBackup(const config::Settings& settings,
                                          const BackupOptions& options);

}  // namespace pgcairn::commands
