// What the steps of one restore into a database share.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "commands/database_contents.h"
#include "commands/logical_restore.h"
#include "config/settings.h"
#include "sources/logical/load_session.h"
#include "util/result.h"

namespace pgcairn::commands {

// The referred to outlive it.
struct LogicalRun {
  const config::Settings& settings;
  const LogicalRestoreOptions& options;
  const DatabaseContents& contents;
  std::string conninfo;
  sources::LoadSession session;
  LogicalRestoreReport report;
  std::vector<Error> refusals;

  size_t threads() const { return static_cast<size_t>(settings.performance.jobs); }
  sources::RowText text() const { return RowTextOf(contents.catalog()); }
  static sources::RowText RowTextOf(const format::LogicalCatalog& catalog) {
    return catalog.encoding() == "SQL_ASCII" ? sources::RowText::kServerBytes
                                             : sources::RowText::kUtf8;
  }
};

struct LogicalStep {
  std::string what;  // "load the rows of 5 tables"
  std::function<Status()> run;
  std::string way_on;  // what to do when it fails
};

// The roles that the target lacks, as roles that cannot log in.
Status MakeRoles(LogicalRun& run);

// One after the other, unless it is a dry run. An error says what was done before it, and what to
// do now.
Status RunSteps(const std::vector<LogicalStep>& steps, LogicalRun& run);

// All that the options' scope says, from `contents` into the target. The report counts no requests
// and no time. Errors as RestoreLogical.
Result<LogicalRestoreReport> RestoreContents(const config::Settings& settings,
                                             const LogicalRestoreOptions& options,
                                             const DatabaseContents& contents,
                                             const std::string& backup_id);

// Where it goes.
Result<std::string> TargetOf(const config::Settings& settings,
                             const LogicalRestoreOptions& options);

}  // namespace pgcairn::commands
