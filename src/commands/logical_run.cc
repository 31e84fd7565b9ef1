#include "commands/logical_run.h"

#include <fmt/format.h>

#include <utility>

#include "sources/logical/target_check.h"
#include "util/log.h"

namespace pgcairn::commands {

Status MakeRoles(LogicalRun& run) {
  for (const std::string& role : run.report.missing_roles) {
    RETURN_IF_ERROR(sources::CreateStubRole(run.session.connection, role));
  }
  return {};
}

Status RunSteps(const std::vector<LogicalStep>& steps, LogicalRun& run) {
  for (const LogicalStep& step : steps) run.report.steps.push_back(step.what);
  if (run.options.dry_run) return {};
  std::string done;
  for (const LogicalStep& step : steps) {
    LogInfo("{}", step.what);
    Status status = step.run();
    if (!status.ok()) {
      Error error = status.error();
      error.message = fmt::format("restoring {} into the database {}: {}", run.report.backup_id,
                                  run.report.database, error.message);
      if (!error.hint.empty()) error.hint += "; ";
      error.hint += done.empty() ? "nothing was done before" : "done before: " + done;
      if (!step.way_on.empty()) error.hint += "; " + step.way_on;
      return error;
    }
    done += (done.empty() ? "" : ", ") + step.what;
    ++run.report.steps_done;
  }
  return {};
}

}  // namespace pgcairn::commands
