// A logical backup in a form that PostgreSQL's own programs load: for leaving pgcairn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/settings.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

enum class ExportFormat {
  kSql,        // a script for psql
  kDirectory,  // pg_dump's directory format, for pg_restore
};

struct ExportOptions {
  std::string source = "latest";  // the newest logical backup with rows; or a backup's id
  ExportFormat format = ExportFormat::kSql;
  // Absolute, and nothing has the name yet. Empty: a script goes to standard output, in one
  // transaction.
  std::string target;
  std::string roles_file;  // absolute; empty: roles are not written
  ProgressStyle progress = ProgressStyle::kNone;
};

struct ExportReport {
  std::string backup_id;
  std::string database;  // that was backed up
  std::string encoding;  // of that database
  ExportFormat format = ExportFormat::kSql;
  std::string target;
  std::string roles_file;
  uint64_t tables = 0;
  uint64_t rows = 0;
  uint64_t large_objects = 0;
  uint64_t sequences = 0;
  std::vector<std::string> left_out;  // what the backup does not hold, and what needs that
  std::vector<std::string> warnings;  // what to know before it is loaded
  std::vector<std::string> next_commands;
  double seconds = 0;
};

// When this returns OK all of the backup was written, checked on the way, and is durable; before
// that nothing has the target's name. Nothing is ever overwritten. Errors: kUsage (a physical
// backup), kNotFound, kAlreadyExists, kDamaged, kNoSpace, kStorage, kUnsupported (definitions of a
// version that is not known, where they are taken apart: for the directory format, and to leave
// some out), kWrongKey.
Result<ExportReport> Export(const config::Settings& settings, const ExportOptions& options);

}  // namespace pgcairn::commands
