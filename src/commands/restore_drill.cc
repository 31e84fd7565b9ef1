#include <fmt/format.h>

#include "commands/end_on_signal.h"
#include "commands/reading_lease.h"
#include "commands/replayed_tablespaces.h"
#include "commands/restore.h"
#include "commands/restore_run.h"
#include "commands/trial_directory.h"
#include "commands/trial_server.h"
#include "postgres/connection.h"
#include "postgres/standalone_server.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

Result<std::vector<RestoreTestReport::DatabaseResult>> AskDatabases(
    const postgres::StandaloneServer& server, const std::string& user) {
  ASSIGN_OR_RETURN(postgres::Connection first,
                   postgres::Connection::Open(server.Conninfo("template1", user), "pgcairn"));
  ASSIGN_OR_RETURN(postgres::Rows names,
                   first.Query("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn "
                               "ORDER BY oid"));
  std::vector<RestoreTestReport::DatabaseResult> results;
  for (const postgres::Row& row : names.rows) {
    const std::string& name = row.at(0).value();
    ASSIGN_OR_RETURN(postgres::Connection connection,
                     postgres::Connection::Open(server.Conninfo(name, user), "pgcairn"));
    ASSIGN_OR_RETURN(std::string count,
                     connection.QueryCell("SELECT pg_catalog.count(*) FROM pg_catalog.pg_class"));
    results.push_back({name, std::stoull(count)});
  }
  return results;
}

}  // namespace

Result<RestoreTestReport> TestRestore(const config::Settings& settings,
                                      const RestoreOptions& options) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(RecoveryPlan plan,
                   PlanRecovery(*opened.cluster, options.target, options.source));
  RETURN_IF_ERROR(RefuseReplayedTablespaces(plan.replayed_tablespaces, plan.manifest));
  ASSIGN_OR_RETURN(ReadingLease lease, ReadingLease::Take(*opened.cluster, format::Lease::RESTORE,
                                                          plan.manifest.backup_id()));
  for (const std::string& line : plan.explanation) LogInfo("{}", line);
  EndOnSignal end_on_signal;
  ASSIGN_OR_RETURN(TrialDirectory scratch,
                   end_on_signal.MakeTrial(settings.restore.test_directory));
  RestorePlaces places = ChooseTestPlaces(plan.manifest, scratch.path());
  RETURN_IF_ERROR(PreparePlaces(plan.manifest, places, plan.manifest.stream_bytes()));

  RestoreOptions trial = options;
  trial.keep_archive_mode = false;
  trial.target_action = "promote";
  RestoreTestReport report;
  double began = MonotonicSeconds();
  auto lap = [&began] { return MonotonicSeconds() - std::exchange(began, MonotonicSeconds()); };
  ASSIGN_OR_RETURN(WrittenDirectory written,
                   WriteRestoredDirectory(settings, *opened.cluster, EndingWhereReadAhead(plan),
                                          places, trial, Existing::kRefuse));
  report.restore_seconds = lap();
  ASSIGN_OR_RETURN(postgres::StandaloneServer server,
                   StartTrialServer(settings, plan.manifest, places, scratch.path()));
  report.recovery_seconds = lap();
  ASSIGN_OR_RETURN(report.databases, AskDatabases(server, TrialUser(plan.manifest)));
  report.query_seconds = lap();
  RETURN_IF_ERROR(server.Stop());
  report.stop_seconds = lap();

  report.restore = BeginReport(plan, places, written, *opened.requests);
  report.restore.seconds = report.restore_seconds;
  return report;
}

}  // namespace pgcairn::commands
