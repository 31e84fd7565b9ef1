#include "commands/logical_restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "commands/logical_contents.h"
#include "commands/logical_obstacles.h"
#include "commands/logical_rows.h"
#include "commands/logical_run.h"
#include "commands/logical_source.h"
#include "commands/logical_tables.h"
#include "commands/open_cluster.h"
#include "commands/physical_contents.h"
#include "commands/reading_lease.h"
#include "commands/table_copy.h"
#include "sources/logical/after_load.h"
#include "sources/logical/sequence_values.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parallel.h"

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

void CountEverything(LogicalRun& run) {
  const format::LogicalCatalog& catalog = run.contents.catalog();
  LogicalRestoreReport& report = run.report;
  for (const format::LogicalTable& table : catalog.tables()) {
    report.tables.push_back({table.schema(), table.name(), table.rows(), table.bytes()});
    report.rows += table.rows();
    report.bytes += table.bytes();
  }
  report.large_objects = static_cast<uint64_t>(catalog.large_objects_size());
  report.sequences = static_cast<uint64_t>(catalog.sequences_size());
}

Status FillViews(LogicalRun& run) {
  std::vector<sources::MaterializedView> views;
  for (const format::LogicalView& view : run.contents.catalog().filled_views()) {
    views.push_back({view.schema(), view.name()});
  }
  return sources::FillMaterializedViews(run.session.connection, views);
}

Status LoadEveryTable(LogicalRun& run) {
  RowLoad load{run.contents, {}, run.conninfo, run.threads(), run.options.progress};
  for (const format::LogicalTable& table : run.contents.catalog().tables()) {
    load.tables.push_back(&table);
  }
  return LoadAllRows(load).status();
}

Status SetEverySequence(LogicalRun& run) {
  std::vector<sources::SequenceValue> values;
  for (const format::LogicalSequence& sequence : run.contents.catalog().sequences()) {
    values.push_back(
        {sequence.schema(), sequence.name(), sequence.last_value(), sequence.is_called()});
  }
  return sources::SetSequences(run.session.connection, values);
}

Status AnalyzeAll(LogicalRun& run) {
  ASSIGN_OR_RETURN(std::vector<std::string> statements,
                   sources::AnalyzeStatements(run.session.connection));
  std::vector<sources::LoadSession> others;
  const size_t wanted = std::min(run.threads(), statements.size());
  while (others.size() + 1 < wanted) {
    Result<sources::LoadSession> session = sources::OpenLoadSession(run.conninfo, run.text());
    if (!session.ok()) break;
    others.push_back(std::move(session).value());
  }
  return ForEachInParallel(
      statements.size(), others.size() + 1, [&](size_t worker, size_t statement) {
        postgres::Connection& connection =
            worker == 0 ? run.session.connection : others[worker - 1].connection;
        return connection.Query(statements[statement]).status().Context(statements[statement]);
      });
}

void CountRequests(const storage::CountingStorage& requests, LogicalRestoreReport& report) {
  for (size_t kind = 0; kind < storage::kRequestKinds; ++kind) {
    const auto request = static_cast<storage::Request>(kind);
    const storage::RequestCount count = requests.Count(request);
    report.requests += count.requests;
    if (request != storage::Request::kPut) report.bytes_fetched += count.bytes;
  }
}

constexpr char kBeginAnew[] =
    "to go on, drop the database, make it anew, and run the restore again";
constexpr char kBySql[] =
    "all rows and definitions are restored: mend the cause, and finish by hand with REFRESH "
    "MATERIALIZED VIEW and ANALYZE";

std::vector<LogicalStep> StepsOf(LogicalRun& run, const SchemaFile& schema) {
  const LogicalRestoreReport& report = run.report;
  const bool rows = run.options.scope == LogicalScope::kEverything;
  auto section = [&run, &schema](sources::SchemaSection which) {
    return [&run, &schema, which] {
      const bool alone = which == sources::SchemaSection::kPreData;
      return sources::RestoreSection(run.session.connection, schema.archive(), which,
                                     alone ? 1 : run.threads());
    };
  };
  std::vector<LogicalStep> steps;
  if (!report.missing_roles.empty()) {
    steps.push_back({fmt::format("make the roles {}, which cannot log in",
                                 fmt::join(report.missing_roles, ", ")),
                     [&run] { return MakeRoles(run); }, kBeginAnew});
  }
  steps.push_back({"make schemas, types, functions, tables and views",
                   section(sources::SchemaSection::kPreData), kBeginAnew});
  if (rows) {
    steps.push_back({fmt::format("load {} rows of {} tables", report.rows, report.tables.size()),
                     [&run] { return LoadEveryTable(run); }, kBeginAnew});
    if (report.large_objects > 0) {
      steps.push_back({fmt::format("load {} large objects", report.large_objects),
                       [&run] { return LoadLargeObjects(run.contents, run.session.connection); },
                       kBeginAnew});
    }
    steps.push_back({fmt::format("set {} sequences", report.sequences),
                     [&run] { return SetEverySequence(run); }, kBeginAnew});
  }
  steps.push_back({"make indexes, constraints, triggers, policies and publications",
                   section(sources::SchemaSection::kPostData), kBeginAnew});
  if (!rows) return steps;
  steps.push_back({"fill materialized views", [&run] { return FillViews(run); }, kBySql});
  steps.push_back({"gather the planner's statistics", [&run] { return AnalyzeAll(run); }, kBySql});
  return steps;
}

// They are the database's and not in it: pg_restore sets them only where it makes the database.
Status NoteDatabaseSettings(LogicalRun& run, const SchemaFile& schema) {
  ASSIGN_OR_RETURN(std::vector<sources::ArchiveEntry> entries,
                   sources::ListArchive(schema.archive()));
  for (const sources::ArchiveEntry& entry : entries) {
    if (!entry.text.starts_with("DATABASE PROPERTIES ")) continue;
    run.report.skipped.emplace_back(
        "settings of the database itself (ALTER DATABASE ... SET, its connection limit): they are "
        "those that the target has");
  }
  return {};
}

Status RestoreDatabase(LogicalRun& run) {
  if (run.options.scope == LogicalScope::kEverything) CountEverything(run);
  ASSIGN_OR_RETURN(SchemaFile schema,
                   SchemaFile::Fetch(run.contents, run.settings.restore.test_directory,
                                     run.settings.cluster.bin_dir));
  RETURN_IF_ERROR(NoteDatabaseSettings(run, schema));
  return RunSteps(StepsOf(run, schema), run);
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
  RETURN_IF_ERROR(FindObstacles(run));
  if (!run.refusals.empty() && !options.dry_run) return run.refusals.front();
  for (const std::string& warning : run.report.warnings) LogWarning("{}", warning);
  if (options.scope != LogicalScope::kTables) {
    RETURN_IF_ERROR(RestoreDatabase(run));
  } else {
    RETURN_IF_ERROR(options.as.empty() ? RestoreTables(run) : RestoreTableAs(run));
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
