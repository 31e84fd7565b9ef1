#include "commands/logical_drill.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <utility>

#include "commands/logical_contents.h"
#include "commands/logical_source.h"
#include "commands/open_cluster.h"
#include "commands/reading_lease.h"
#include "commands/scratch_database.h"
#include "postgres/connection.h"
#include "postgres/identifier.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

Result<uint64_t> CountRows(postgres::Connection& connection, const format::LogicalTable& table) {
  const std::string sql =
      fmt::format("SELECT pg_catalog.count(*) FROM ONLY {} {}",
                  postgres::QualifiedName(table.schema(), table.name()), table.condition());
  ASSIGN_OR_RETURN(std::string count, connection.QueryCell(sql));
  return std::stoull(count);
}

// Partitions by hash are filled through the table that they are parts of, and need not have the
// rows that they had: together they are as many.
std::string CountedTogether(const format::LogicalTable& table) {
  return table.load_name().empty()
             ? postgres::QualifiedName(table.schema(), table.name())
             : "the partitions of " +
                   postgres::QualifiedName(table.load_schema(), table.load_name());
}

Status CompareCounts(postgres::Connection& connection, const format::LogicalCatalog& catalog) {
  struct Counts {
    uint64_t in_backup = 0;
    uint64_t found = 0;
  };
  std::map<std::string, Counts> counts;
  for (const format::LogicalTable& table : catalog.tables()) {
    ASSIGN_OR_RETURN(uint64_t found, CountRows(connection, table));
    Counts& both = counts[CountedTogether(table)];
    both.in_backup += table.rows();
    both.found += found;
  }
  for (const auto& [name, both] : counts) {
    if (both.in_backup == both.found) continue;
    return Error{Code::kFailed,
                 fmt::format("restored, {} has {} rows, and the backup has {} of it", name,
                             both.found, both.in_backup),
                 "a rule or trigger of the definitions may do it; `pgcairn verify` tells whether "
                 "the backup is whole"};
  }
  return {};
}

}  // namespace

Result<LogicalTestReport> TestLogicalRestore(const config::Settings& settings,
                                             const LogicalTestOptions& options) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(format::Manifest manifest,
                   ChooseLogicalBackup(*opened.cluster, options.source, LogicalNeed::kRows));
  ASSIGN_OR_RETURN(ReadingLease lease, ReadingLease::Take(*opened.cluster, format::Lease::RESTORE,
                                                          manifest.backup_id()));
  ASSIGN_OR_RETURN(LogicalContents contents, LogicalContents::Open(*opened.cluster, manifest));

  LogicalTestReport report;
  double began = MonotonicSeconds();
  auto lap = [&began] { return MonotonicSeconds() - std::exchange(began, MonotonicSeconds()); };
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchDatabase> scratch,
                   MakeScratchDatabase(settings, contents.catalog()));
  report.own_server = scratch->is_own_server();
  report.removed_databases = scratch->removed_before();
  report.start_seconds = lap();
  LogicalRestoreOptions trial;
  trial.source = manifest.backup_id();
  trial.target_url = scratch->conninfo();
  trial.create_roles = options.create_roles || report.own_server;
  trial.progress = options.progress;
  ASSIGN_OR_RETURN(report.restore, RestoreLogical(settings, trial));
  report.restore_seconds = lap();
  {
    ASSIGN_OR_RETURN(postgres::Connection connection,
                     postgres::Connection::Open(scratch->conninfo(), "pgcairn restore --test"));
    report.server_major = connection.server_major();
    RETURN_IF_ERROR(CompareCounts(connection, contents.catalog()));
  }
  report.tables_counted = static_cast<uint64_t>(contents.catalog().tables_size());
  report.query_seconds = lap();
  RETURN_IF_ERROR(scratch->Remove());
  report.stop_seconds = lap();
  return report;
}

}  // namespace pgcairn::commands
