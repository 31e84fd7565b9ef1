#include "commands/logical_restore.h"

#include <string>
#include <utility>

#include "commands/logical_contents.h"
#include "commands/logical_database.h"
#include "commands/logical_obstacles.h"
#include "commands/logical_run.h"
#include "commands/logical_source.h"
#include "commands/logical_tables.h"
#include "commands/open_cluster.h"
#include "commands/physical_contents.h"
#include "commands/reading_lease.h"
#include "commands/table_copy.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

Result<LogicalRun> BeginRun(const config::Settings& settings, const LogicalRestoreOptions& options,
                            const DatabaseContents& contents, const std::string& backup_id) {
  ASSIGN_OR_RETURN(std::string conninfo, TargetOf(settings, options));
  ASSIGN_OR_RETURN(sources::LoadSession session,
                   sources::OpenLoadSession(conninfo, LogicalRun::RowTextOf(contents.catalog())));
  LogicalRun run{settings, options, contents, std::move(conninfo), std::move(session), {}, {}};
  run.report.backup_id = backup_id;
  run.report.dry_run = options.dry_run;
  ASSIGN_OR_RETURN(run.report.database,
                   run.session.connection.QueryCell("SELECT pg_catalog.current_database()"));
  for (const std::string& line : contents.left_out()) run.report.skipped.push_back(line);
  return run;
}

void CountRequests(const storage::CountingStorage& requests, LogicalRestoreReport& report) {
  for (size_t kind = 0; kind < storage::kRequestKinds; ++kind) {
    const auto request = static_cast<storage::Request>(kind);
    const storage::RequestCount count = requests.Count(request);
    report.requests += count.requests;
    if (request != storage::Request::kPut) report.bytes_fetched += count.bytes;
  }
}

Result<LogicalRestoreReport> RestoreFromLogical(const config::Settings& settings,
                                                const repository::ClusterAccess& cluster,
                                                const LogicalRestoreOptions& options) {
  const LogicalNeed need =
      options.scope == LogicalScope::kSchema ? LogicalNeed::kDefinitions : LogicalNeed::kRows;
  ASSIGN_OR_RETURN(format::Manifest manifest, ChooseLogicalBackup(cluster, options.source, need));
  ASSIGN_OR_RETURN(ReadingLease lease,
                   ReadingLease::Take(cluster, format::Lease::RESTORE, manifest.backup_id()));
  ASSIGN_OR_RETURN(LogicalContents contents, LogicalContents::Open(cluster, manifest));
  const std::string& database = contents.catalog().database();
  if (!options.source_database.empty() && options.source_database != database) {
    return Error{Code::kUsage,
                 fmt::format("{} is a backup of the database {}", manifest.backup_id(), database),
                 "leave --database out, or name another backup with --source"};
  }
  return RestoreContents(settings, options, contents, manifest.backup_id());
}

}  // namespace

Result<std::string> TargetOf(const config::Settings& settings,
                             const LogicalRestoreOptions& options) {
  if (!options.target_url.empty()) return options.target_url;
  RETURN_IF_ERROR(settings.RequireConnection());
  return std::string(settings.cluster.connection.Reveal());
}

Result<LogicalRestoreReport> RestoreContents(const config::Settings& settings,
                                             const LogicalRestoreOptions& options,
                                             const DatabaseContents& contents,
                                             const std::string& backup_id) {
  ASSIGN_OR_RETURN(LogicalRun run, BeginRun(settings, options, contents, backup_id));
  CompareVersions(run);
  if (options.scope != LogicalScope::kTables) {
    RETURN_IF_ERROR(RestoreDatabase(run));
  } else if (!options.as.empty()) {
    RETURN_IF_ERROR(RestoreTableAs(run));
  } else {
    RETURN_IF_ERROR(FindMissingRoles(run));
    if (!run.refusals.empty() && !options.dry_run) return run.refusals.front();
    for (const std::string& warning : run.report.warnings) LogWarning("{}", warning);
    RETURN_IF_ERROR(RestoreTables(run));
  }
  for (const Error& refusal : run.refusals) run.report.refusals.push_back(refusal.message);
  return std::move(run.report);
}

void LogicalRestoreReport::CountBytes(const std::string& schema, const std::string& name,
                                      uint64_t bytes_read) {
  for (Table& table : tables) {
    if (table.schema != schema || table.name != name) continue;
    bytes += bytes_read - table.bytes;
    table.bytes = bytes_read;
  }
}

Result<LogicalRestoreReport> RestoreLogical(const config::Settings& settings,
                                            const LogicalRestoreOptions& options) {
  const double began = MonotonicSeconds();
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(bool physical, IsFromPhysical(*opened.cluster, options));
  Result<LogicalRestoreReport> report =
      physical ? RestoreFromPhysical(settings, *opened.cluster, options)
               : RestoreFromLogical(settings, *opened.cluster, options);
  if (!report.ok()) return report;
  CountRequests(*opened.requests, *report);
  report->seconds = MonotonicSeconds() - began;
  return report;
}

}  // namespace pgcairn::commands
