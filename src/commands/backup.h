// Takes a physical backup of a running cluster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct BackupOptions {
  // Stores only what differs from the newest backup; without one, everything.
  bool incremental = false;
  // Of a logical one: definitions, no rows. Never with `incremental`.
  bool schema_only = false;
  // Of an incremental one: reads every file, whatever its stamps say.
  bool verify_unchanged = false;
  // Does everything but stores no pack and no manifest.
  bool test = false;
  // Starts with an immediate checkpoint instead of waiting for a spread one.
  bool fast_checkpoint = true;
  std::string note;
  ProgressStyle progress = ProgressStyle::kNone;
};

struct BackupReport {
  std::string backup_id;
  bool test = false;
  bool incremental = false;
  std::string base_backup_id;  // of an incremental one
  std::string compare_reason;  // as the manifest says
  std::string resumed_from;    // a run that ended early; empty: none
  std::string start_lsn;
  std::string stop_lsn;
  uint32_t timeline = 0;
  uint64_t files = 0;
  uint64_t bytes_read = 0;
  uint64_t files_unchanged = 0;  // by their stamps, not read
  uint64_t files_compared = 0;
  uint64_t bytes_stored = 0;       // of all packs that the run wrote
  uint64_t data_bytes_stored = 0;  // of what changed
  uint64_t metadata_bytes_stored = 0;
  uint64_t bytes_compacted = 0;  // of what was stored afresh to empty packs
  uint64_t packs = 0;            // that the run wrote
  uint64_t pages_read = 0;
  uint64_t pages_changed = 0;
  uint64_t pages_stored = 0;
  uint64_t pages_compacted = 0;
  std::vector<std::string> unseen_changes;  // files, the first thousand
  uint64_t unseen_change_count = 0;
  uint64_t pages_checked = 0;
  uint64_t pages_torn = 0;
  uint64_t bad_page_count = 0;
  std::vector<std::string> bad_pages;  // "base/5/16384 block 7", the first thousand
  std::vector<std::string> notes;
  double seconds = 0;
  double copy_seconds = 0;
  double wal_wait_seconds = 0;
};

// Changes that the files' stamps did not show are no error of it either: the report names the
// files; the new backup holds them as they are, the ones before it may not.
//
// When this returns OK the backup exists, is durable, and all WAL that it needs is archived and
// proven. Pages that fail their checksum twice do not make it an error: the report names them, and
// the caller must not call such a backup good.
// Errors: kRefused (standby, pooler, other system identifier, repository inside the data directory,
// wrong user), kTimeout (WAL does not arrive in the archive), kConnection, kPermission, kNoSpace,
// kStorage, kWrongKey, kUnsupported. On an error nothing calls itself a backup, the server's backup
// mode is ended, and the packs that were stored are deleted, unless it was the manifest that could
// not be put: packs of such a run, and of one that was killed, are left to pruning.
Result<BackupReport> Backup(const config::Settings& settings, const BackupOptions& options);

}  // namespace pgcairn::commands
