// The text that ends a physical backup: where recovery must begin.
//
// Source: build_backup_content in src/backend/access/transam/xlogbackup.c (15 and later) and
// do_pg_start_backup in xlog.c (13, 14). It is stored and restored byte for byte as the server gave
// it; what is read here serves checks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postgres/lsn.h"
#include "util/result.h"

namespace pgcairn::postgres {

struct BackupLabel {
  Lsn start_lsn;
  std::string start_wal_file;  // holds the byte at start_lsn
  Lsn checkpoint_lsn;
  TimelineId timeline;
  bool from_standby = false;
  std::string start_time;  // in the server's log_timezone: for people
  std::string label;       // the name given at the start
};

// Errors: kDamaged (a line is missing or malformed), kUnsupported (a line that is not known, or a
// backup that was not made by the backup functions: from pg_rewind, or incremental).
Result<BackupLabel> ParseBackupLabel(std::string_view text);

// What was known when the backup began.
struct BackupStart {
  Lsn lsn;
  TimelineId timeline;
  uint64_t wal_segment_size = 0;
  std::string label;
};

// kDamaged when the label given at the end does not belong to that start on a primary, or its
// positions are out of order.
Status CheckAgreement(const BackupStart& start, const BackupLabel& label, Lsn stop_lsn);

}  // namespace pgcairn::postgres
