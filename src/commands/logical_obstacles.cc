#include "commands/logical_obstacles.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "sources/logical/target_check.h"

namespace pgcairn::commands {
namespace {

void CompareVersions(LogicalRun& run) {
  const int from = static_cast<int>(run.contents.catalog().server_version_num() / 10000);
  const int to = run.session.connection.server_major();
  if (to >= from) return;
  run.report.warnings.push_back(fmt::format(
      "the backup is of PostgreSQL {}, and the target is {}: definitions that need what "
      "came in between fail",
      from, to));
}

Status CheckEmpty(LogicalRun& run) {
  ASSIGN_OR_RETURN(std::vector<std::string> objects,
                   sources::FindUserObjects(run.session.connection));
  if (objects.empty()) return {};
  run.refusals.push_back({Code::kRefused,
                          fmt::format("the database {} is not empty: it has {}",
                                      run.report.database, fmt::join(objects, ", ")),
                          "restore into a new database (CREATE DATABASE ... TEMPLATE template0), "
                          "or single tables with "
                          "--type=table --table=SCHEMA.NAME"});
  return {};
}

Status CheckRoles(LogicalRun& run) {
  const auto& roles = run.contents.catalog().roles();
  ASSIGN_OR_RETURN(run.report.missing_roles,
                   sources::FindMissingRoles(run.session.connection, {roles.begin(), roles.end()}));
  for (const std::string& role : run.report.missing_roles) {
    if (!role.starts_with("pg_")) continue;
    run.refusals.push_back(
        {Code::kRefused,
         fmt::format("the target server does not have PostgreSQL's own role {}", role),
         "restore to a server of the backup's version or a newer one"});
    return {};
  }
  if (run.report.missing_roles.empty() || run.options.create_roles) return {};
  run.refusals.push_back(
      {Code::kRefused,
       fmt::format("the target server lacks roles that own something or were granted something: {}",
                   fmt::join(run.report.missing_roles, ", ")),
       "make them, or let --create-roles make roles of these names that cannot log in"});
  return {};
}

Status CheckExtensions(LogicalRun& run) {
  std::vector<std::string> missing;
  for (const format::LogicalExtension& extension : run.contents.catalog().extensions()) {
    ASSIGN_OR_RETURN(sources::ExtensionOffer offer,
                     sources::FindExtension(run.session.connection, extension.name()));
    if (!offer.available) {
      missing.push_back(extension.name());
    } else if (offer.version != extension.version()) {
      run.report.warnings.push_back(
          fmt::format("the extension {} is {} at the target, and was {} in the backup",
                      extension.name(), offer.version, extension.version()));
    }
  }
  if (missing.empty()) return {};
  run.refusals.push_back(
      {Code::kRefused,
       fmt::format("the target server does not have the extensions {}", fmt::join(missing, ", ")),
       "install them there (their files, not CREATE EXTENSION), or restore to a server that has "
       "them"});
  return {};
}

}  // namespace

Status FindObstacles(LogicalRun& run) {
  CompareVersions(run);
  // Whose roles the definitions of single tables name, pg_restore knows.
  if (run.options.scope == LogicalScope::kTables) {
    return run.options.create_roles ? CheckRoles(run) : Status();
  }
  RETURN_IF_ERROR(CheckEmpty(run));
  RETURN_IF_ERROR(CheckRoles(run));
  return CheckExtensions(run);
}

}  // namespace pgcairn::commands
