#include "commands/logical_obstacles.h"

#include <fmt/format.h>

#include "commands/restore_place.h"
#include "sources/logical/target_check.h"

namespace pgcairn::commands {

void CompareVersions(LogicalRun& run) {
  const int from = static_cast<int>(run.contents.catalog().server_version_num() / 10000);
  const int to = run.session.connection.server_major();
  if (to >= from) return;
  run.report.warnings.push_back(fmt::format(
      "the backup is of PostgreSQL {}, and the target is {}: definitions that need what "
      "came in between fail",
      from, to));
}

Status FindMissingRoles(LogicalRun& run) {
  if (!run.options.create_roles) return {};
  const auto& roles = run.contents.catalog().roles();
  ASSIGN_OR_RETURN(run.report.missing_roles,
                   sources::FindMissingRoles(run.session.connection, {roles.begin(), roles.end()}));
  RequireRoles(run);
  return {};
}

}  // namespace pgcairn::commands
