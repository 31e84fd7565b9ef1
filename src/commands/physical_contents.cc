#include "commands/physical_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "commands/end_on_signal.h"
#include "commands/logical_run.h"
#include "commands/newest_backup.h"
#include "commands/reading_lease.h"
#include "commands/recovery_plan.h"
#include "commands/replayed_tablespaces.h"
#include "commands/restore_run.h"
#include "commands/restore_selection.h"
#include "commands/server_contents.h"
#include "commands/trial_directory.h"
#include "commands/trial_server.h"
#include "config/nearest.h"
#include "postgres/connection.h"
#include "postgres/identifier.h"
#include "repository/manifest/manifest_store.h"
#include "sources/logical/target_table.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

bool IsLogical(const format::Manifest& manifest) {
  return manifest.method() == format::Manifest::LOGICAL;
}

bool IsTemplate(const std::string& database) {
  return database == "template0" || database == "template1";
}

// The database that the connection is to is the one that is meant when it gets its own tables back.
Result<std::string> ChooseDatabase(const format::Manifest& manifest,
                                   const LogicalRestoreOptions& options,
                                   postgres::Connection& target) {
  if (!options.source_database.empty()) return options.source_database;
  std::vector<std::string> names;
  for (const format::Database& database : manifest.databases()) {
    if (!IsTemplate(database.name())) names.push_back(database.name());
  }
  if (names.size() == 1) return names.front();
  if (options.target_url.empty()) {
    ASSIGN_OR_RETURN(std::string own, target.QueryCell("SELECT pg_catalog.current_database()"));
    if (std::ranges::count(names, own) > 0) return own;
  }
  return Error{
      Code::kUsage,
      fmt::format("{} holds the databases {}", manifest.backup_id(), fmt::join(names, ", ")),
      "say which one with --database=NAME"};
}

// What would be found out after a long recovery.
Status RefuseEarly(const LogicalRestoreOptions& options, postgres::Connection& target) {
  // A copy goes beside the table that is there.
  if (options.replace || options.dry_run || !options.as.empty()) return {};
  for (const std::string& text : options.tables) {
    const size_t dot = text.find('.');
    if (dot == std::string::npos) continue;
    ASSIGN_OR_RETURN(std::optional<sources::TargetTable> there,
                     sources::FindTable(target, text.substr(0, dot), text.substr(dot + 1)));
    if (!there) continue;
    return Error{Code::kRefused, text + " is there already",
                 "--replace puts the backup's rows in the place of those that it has"};
  }
  return {};
}

// A directory, and the server in it, which ends first.
struct Scratch {
  TrialDirectory directory;
  std::optional<postgres::StandaloneServer> server;
  double restore_seconds = 0;
  double recovery_seconds = 0;
};

class PhysicalRestore {
 public:
  PhysicalRestore(const config::Settings& settings, const repository::ClusterAccess& cluster,
                  const LogicalRestoreOptions& options, RecoveryPlan plan, std::string database)
      : settings_(settings),
        cluster_(cluster),
        options_(options),
        plan_(std::move(plan)),
        database_(std::move(database)) {}

  Result<LogicalRestoreReport> Run() {
    ASSIGN_OR_RETURN(std::string in_backup, NameInBackup());
    ASSIGN_OR_RETURN(RestoreSelection selection, SelectForDatabase(cluster_, plan_, in_backup));
    if (selection.everything_because.empty()) {
      ASSIGN_OR_RETURN(std::optional<LogicalRestoreReport> report, Try(selection));
      if (report) return *std::move(report);
      selection = SelectEverything(plan_.manifest);
      selection.everything_because = again_because_;
    }
    LogInfo("the whole backup is restored: {}", selection.everything_because);
    ASSIGN_OR_RETURN(std::optional<LogicalRestoreReport> report, Try(selection));
    CHECK(report.has_value());
    return *std::move(report);
  }

 private:
  // Of a name that the backup does not have all of the backup would be restored, only to find that
  // it was mistyped. So a recovery without any database says first whether it came since.
  Result<std::string> NameInBackup() {
    if (std::ranges::count(plan_.manifest.databases(), database_, &format::Database::name) > 0) {
      return database_;
    }
    LogInfo("{} has no database {}: whether there was one at {} is looked up first",
            plan_.manifest.backup_id(), database_, plan_.target.Describe());
    ASSIGN_OR_RETURN(RestoreSelection shared, SelectForDatabase(cluster_, plan_, "template1"));
    if (!shared.everything_because.empty()) return database_;  // it costs as much as all
    ASSIGN_OR_RETURN(Scratch scratch, Restore(shared));
    Status recovered = Recover(scratch);
    if (!recovered.ok() && recovered.code() == Code::kFailed) return database_;
    RETURN_IF_ERROR(recovered);
    return NameOfOid(*scratch.server);
  }

  // What the backup calls the database that has the name at the moment; that name where the
  // database was made since.
  Result<std::string> NameOfOid(const postgres::StandaloneServer& server) {
    Result<postgres::Connection> connection =
        postgres::Connection::Open(ToTemplate(server), "pgcairn");
    // template1 may be closed to everybody. Then what is restored shows whether the name is right.
    if (!connection.ok()) return database_;
    ASSIGN_OR_RETURN(postgres::Rows rows,
                     connection->Query("SELECT oid FROM pg_catalog.pg_database WHERE datname = $1",
                                       {database_}));
    if (rows.rows.empty()) return NoSuchDatabase(server);
    for (const format::Database& database : plan_.manifest.databases()) {
      if (std::to_string(database.oid()) == rows.rows[0][0].value_or("")) return database.name();
    }
    return database_;
  }

  // Nothing: what the selection leaves out is needed after all.
  Result<std::optional<LogicalRestoreReport>> Try(const RestoreSelection& selection) {
    const bool all = !selection.everything_because.empty();
    ASSIGN_OR_RETURN(Scratch scratch, Restore(selection));
    Status recovered = Recover(scratch);
    if (!recovered.ok() && !all && recovered.code() == Code::kFailed) {
      LogWarning("{}", recovered.error().message);
      again_because_ = "recovery without the other databases failed";
      return std::optional<LogicalRestoreReport>();
    }
    RETURN_IF_ERROR(recovered);
    ASSIGN_OR_RETURN(bool right, IsRightDatabase(*scratch.server, selection));
    if (!right) {
      again_because_ = "the database of that name is another one than in the backup";
      return std::optional<LogicalRestoreReport>();
    }
    ASSIGN_OR_RETURN(LogicalRestoreReport report, Copy(scratch));
    report.recovered = RecoveredMoment{database_,
                                       plan_.target.Describe(),
                                       plan_.timeline.value,
                                       plan_.explanation,
                                       selection.everything_because,
                                       selection.bytes,
                                       selection.bytes_left_out,
                                       scratch.restore_seconds,
                                       scratch.recovery_seconds};
    return std::optional(std::move(report));
  }

  Result<Scratch> Restore(const RestoreSelection& selection) {
    const double began = MonotonicSeconds();
    ASSIGN_OR_RETURN(TrialDirectory directory,
                     end_on_signal_.MakeTrial(settings_.restore.test_directory));
    const RestorePlaces places = ChooseTestPlaces(plan_.manifest, directory.path());
    Status prepared = PreparePlaces(plan_.manifest, places, selection.bytes);
    if (!prepared.ok() && prepared.code() == Code::kNoSpace) {
      return Error{Code::kNoSpace, prepared.error().message,
                   "free some space, or set restore.test_directory to a folder on another disk"};
    }
    RETURN_IF_ERROR(prepared);
    RestoreOptions scratch;
    scratch.progress = options_.progress;
    RETURN_IF_ERROR(WriteRestoredDirectory(settings_, cluster_, EndingWhereReadAhead(plan_), places,
                                           scratch, Existing::kRefuse, selection)
                        .status());
    return Scratch{std::move(directory), std::nullopt, MonotonicSeconds() - began, 0};
  }

  Status Recover(Scratch& scratch) {
    const double began = MonotonicSeconds();
    const std::string& root = scratch.directory.path();
    ASSIGN_OR_RETURN(
        postgres::StandaloneServer server,
        StartTrialServer(settings_, plan_.manifest, ChooseTestPlaces(plan_.manifest, root), root));
    scratch.server.emplace(std::move(server));
    scratch.recovery_seconds = MonotonicSeconds() - began;
    return {};
  }

  // By name it may be another one than at the time of the backup, which is not there then.
  Result<bool> IsRightDatabase(const postgres::StandaloneServer& server,
                               const RestoreSelection& selection) {
    Result<postgres::Connection> opened = postgres::Connection::Open(Conninfo(server), "pgcairn");
    if (selection.everything_because.empty()) {
      if (!opened.ok()) return false;
      ASSIGN_OR_RETURN(std::string oid,
                       opened->QueryCell("SELECT oid FROM pg_catalog.pg_database WHERE datname = "
                                         "pg_catalog.current_database()"));
      return oid == std::to_string(selection.database);
    }
    if (opened.ok()) return true;
    if (opened.code() != Code::kNotFound) return opened.status();
    return NoSuchDatabase(server);
  }

  Error NoSuchDatabase(const postgres::StandaloneServer& server) {
    std::vector<std::string> there;
    Result<postgres::Connection> connection =
        postgres::Connection::Open(ToTemplate(server), "pgcairn");
    if (connection.ok()) {
      Result<postgres::Rows> rows = connection->Query(
          "SELECT datname FROM pg_catalog.pg_database WHERE NOT datistemplate "
          "ORDER BY 1");
      for (size_t i = 0; rows.ok() && i < rows->rows.size(); ++i) {
        there.push_back(rows->rows[i][0].value_or(""));
      }
    }
    return {Code::kNotFound,
            fmt::format("at {} there was no database {}", plan_.target.Describe(), database_),
            fmt::format("{}there were {}: say which one with --database=NAME", Meant(there),
                        fmt::join(there, ", "))};
  }

  std::string Meant(const std::vector<std::string>& there) const {
    const std::optional<config::NearestName> nearest = config::FindNearest(database_, there);
    if (!nearest || nearest->distance > std::max<size_t>(1, database_.size() / 3)) return "";
    return fmt::format("did you mean {}? ", nearest->name);
  }

  std::string ToTemplate(const postgres::StandaloneServer& server) const {
    return server.Conninfo("template1", TrialUser(plan_.manifest));
  }

  std::string Conninfo(const postgres::StandaloneServer& server) const {
    return server.Conninfo(database_, TrialUser(plan_.manifest));
  }

  Result<LogicalRestoreReport> Copy(Scratch& scratch) {
    ServerContentsOptions from;
    from.conninfo = Conninfo(*scratch.server);
    from.describe = fmt::format("the database {} at {}", database_, plan_.target.Describe());
    from.bin_dir = settings_.cluster.bin_dir;
    from.tables = options_.tables;
    ASSIGN_OR_RETURN(std::unique_ptr<ServerContents> contents, ServerContents::Open(from));
    config::Settings settings = settings_;
    settings.restore.test_directory = scratch.directory.path();
    return RestoreContents(settings, options_, *contents, plan_.manifest.backup_id());
  }

  const config::Settings& settings_;
  const repository::ClusterAccess& cluster_;
  const LogicalRestoreOptions& options_;
  const RecoveryPlan plan_;
  const std::string database_;
  EndOnSignal end_on_signal_;
  std::string again_because_;  // a first try ended without a report
};

}  // namespace

Result<bool> IsFromPhysical(const repository::ClusterAccess& cluster,
                            const LogicalRestoreOptions& options) {
  if (options.scope == LogicalScope::kEverything) return false;
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  ASSIGN_OR_RETURN(std::string asked_for, repository::ResolveBackupId(ids, options.source));
  if (options.source != "latest") {
    ASSIGN_OR_RETURN(repository::StoredManifest stored,
                     repository::ReadManifest(cluster, asked_for));
    if (!IsLogical(stored.manifest)) return true;
    if (!options.moment) return false;
    return Error{Code::kUsage,
                 fmt::format("{} is a logical backup, which is that of one moment", asked_for),
                 "leave the moment out, or name a physical backup with --source=ID"};
  }
  if (options.moment) return true;
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    Result<repository::StoredManifest> stored = repository::ReadManifest(cluster, *id);
    if (!stored.ok() && stored.code() != Code::kDamaged) return stored.error();
    const bool wanted =
        stored.ok() && (options.scope == LogicalScope::kSchema || HoldsRows(stored->manifest));
    if (wanted) return !IsLogical(stored->manifest);
  }
  return false;
}

Result<LogicalRestoreReport> RestoreFromPhysical(const config::Settings& settings,
                                                 const repository::ClusterAccess& cluster,
                                                 const LogicalRestoreOptions& options) {
  ASSIGN_OR_RETURN(
      RecoveryPlan plan,
      PlanRecovery(cluster, options.moment.value_or(RecoveryTarget()), options.source));
  RETURN_IF_ERROR(RefuseReplayedTablespaces(plan.replayed_tablespaces, plan.manifest));
  std::string database;
  {
    ASSIGN_OR_RETURN(std::string conninfo, TargetOf(settings, options));
    ASSIGN_OR_RETURN(postgres::Connection target, postgres::Connection::Open(conninfo, "pgcairn"));
    ASSIGN_OR_RETURN(database, ChooseDatabase(plan.manifest, options, target));
    RETURN_IF_ERROR(RefuseEarly(options, target));
  }
  ASSIGN_OR_RETURN(ReadingLease lease,
                   ReadingLease::Take(cluster, format::Lease::RESTORE, plan.manifest.backup_id()));
  for (const std::string& line : plan.explanation) LogInfo("{}", line);
  return PhysicalRestore(settings, cluster, options, std::move(plan), std::move(database)).Run();
}

}  // namespace pgcairn::commands
