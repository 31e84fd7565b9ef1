#include "commands/logical_database.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "commands/definition_plan.h"
#include "commands/definition_scripts.h"
#include "commands/logical_rows.h"
#include "commands/logical_source.h"
#include "commands/restore_place.h"
#include "commands/rows_plan.h"
#include "postgres/identifier.h"
#include "sources/logical/after_load.h"
#include "sources/logical/cron_jobs.h"
#include "sources/logical/sequence_values.h"
#include "sources/logical/target_check.h"
#include "sources/logical/target_rows.h"
#include "sources/logical/target_table.h"
#include "util/log.h"
#include "util/parallel.h"

namespace pgcairn::commands {
namespace {

constexpr char kBeginAnew[] =
    "to go on, drop the database, make it anew, and run the restore again";
constexpr char kBySql[] =
    "all rows and definitions are restored: mend the cause, and finish by hand with REFRESH "
    "MATERIALIZED VIEW and ANALYZE";
constexpr char kUnchanged[] =
    "nothing but roles was changed: mend the cause and run the restore again";
constexpr char kGoOn[] = "mend the cause and run the same restore again: it goes on from there";

class DatabaseRestore {
 public:
  DatabaseRestore(LogicalRun& run, SchemaFile schema) : run_(run), schema_(std::move(schema)) {}

  // Fills the run's report and refusals.
  Status Plan() {
    ASSIGN_OR_RETURN(archive_, sources::ListArchive(schema_.archive()));
    NoteDatabaseSettings();
    RETURN_IF_ERROR(RequireNoOtherRun(run_));
    ASSIGN_OR_RETURN(target_, sources::ReadTargetDefinitions(run_.session.connection));
    ASSIGN_OR_RETURN(place_, LookAtPlace(run_, target_, archive_));
    if (!run_.refusals.empty() && !run_.options.dry_run) return {};
    RETURN_IF_ERROR(PlanAllDefinitions());
    RETURN_IF_ERROR(FindRoles());
    if (run_.options.scope != LogicalScope::kEverything) return {};
    ASSIGN_OR_RETURN(
        rows_, PlanRows(run_, target_, scripts_->plan(), place_.beside_others, place_.goes_on));
    NoteSecrets();
    return {};
  }

  std::vector<LogicalStep> Steps() {
    std::vector<LogicalStep> steps;
    way_on_ = place_.beside_others ? kGoOn : kBeginAnew;
    AddDefinitions(steps);
    if (run_.options.scope == LogicalScope::kEverything && !place_.has_rows) AddRows(steps);
    AddAfterRows(steps);
    if (run_.options.scope == LogicalScope::kEverything) {
      const std::string by_hand = place_.beside_others ? kGoOn : kBySql;
      steps.push_back({"fill materialized views", [this] { return FillViews(); }, by_hand});
      steps.push_back(
          {"gather the planner's statistics", [this] { return AnalyzeAll(); }, by_hand});
    }
    if (place_.beside_others) {
      steps.push_back(
          {fmt::format("drop the schema {}, which says that a restore goes on", kRestoreMarker),
           [this] {
             return run_.session.connection.Query(fmt::format("DROP SCHEMA {}", kRestoreMarker))
                 .status();
           },
           fmt::format("all is restored: drop the schema {}", kRestoreMarker)});
    }
    return steps;
  }

 private:
  // They are the database's and not in it: pg_restore sets them only where it makes the database.
  void NoteDatabaseSettings() {
    for (const sources::ArchiveEntry& entry : archive_) {
      if (!entry.text.starts_with("DATABASE PROPERTIES ")) continue;
      run_.report.skipped.emplace_back(
          "settings of the database itself (ALTER DATABASE ... SET, its connection limit): they "
          "are those that the target has");
    }
  }

  Status PlanAllDefinitions() {
    ASSIGN_OR_RETURN(std::vector<sources::ArchiveEntry> after,
                     sources::ListSection(schema_.archive(), sources::SchemaSection::kPostData));
    DefinitionFacts facts{archive_, {}, run_.contents.catalog(), target_, {}, place_.goes_on, {}};
    for (const sources::ArchiveEntry& entry : after) facts.after_rows.insert(entry.id);
    ASSIGN_OR_RETURN(facts.unavailable, LookForExtensions(run_));
    Status asked;
    std::map<std::string, bool> answers;
    facts.may_make_policies = [&](std::string_view schema, std::string_view table) {
      const std::string name = postgres::QualifiedName(schema, table);
      if (auto known = answers.find(name); known != answers.end()) return known->second;
      Result<bool> may = sources::MayMakePolicies(run_.session.connection, name);
      if (!may.ok() && asked.ok()) asked = may.status();
      return answers[name] = may.ok() && *may;
    };
    DefinitionPlan plan = PlanDefinitions(facts);
    RETURN_IF_ERROR(asked);
    run_.report.skipped.insert(run_.report.skipped.end(), plan.skipped.begin(), plan.skipped.end());
    ASSIGN_OR_RETURN(
        DefinitionScripts scripts,
        DefinitionScripts::Read(run_, schema_, target_, std::move(plan), place_.beside_others));
    scripts_ = std::move(scripts);
    return {};
  }

  // In a project those that nothing to be made names are the platform's own.
  Status FindRoles() {
    const auto& roles = run_.contents.catalog().roles();
    ASSIGN_OR_RETURN(
        std::vector<std::string> missing,
        sources::FindMissingRoles(run_.session.connection, {roles.begin(), roles.end()}));
    for (std::string& role : missing) {
      if (target_.superuser || scripts_->Names(role) || IsNamedByLargeObjects(role)) {
        run_.report.missing_roles.push_back(std::move(role));
      }
    }
    RequireRoles(run_);
    return {};
  }

  bool IsNamedByLargeObjects(const std::string& role) const {
    const std::string quoted = postgres::QuoteIdentifier(role);
    for (const format::LogicalLargeObject& object : run_.contents.catalog().large_objects()) {
      for (const std::string& grant : object.grants()) {
        if (grant.find(role) != std::string::npos || grant.find(quoted) != std::string::npos) {
          return true;
        }
      }
    }
    return false;
  }

  void NoteSecrets() {
    for (const sources::ArchiveEntry& entry : archive_) {
      if (!entry.text.starts_with("SCHEMA - vault ") &&
          !entry.text.starts_with("SCHEMA - pgsodium ") &&
          !entry.text.starts_with("EXTENSION - supabase_vault ") &&
          !entry.text.starts_with("EXTENSION - pgsodium ")) {
        continue;
      }
      run_.report.skipped.emplace_back(
          "secrets of Vault and pgsodium: their key lies outside of the database, and without it "
          "nobody can read them; make them anew (vault.create_secret)");
      return;
    }
  }

  void AddDefinitions(std::vector<LogicalStep>& steps) {
    if (!run_.report.missing_roles.empty()) {
      steps.push_back({fmt::format("make the roles {}, which cannot log in",
                                   fmt::join(run_.report.missing_roles, ", ")),
                       [this] { return MakeRoles(run_); },
                       place_.beside_others ? kUnchanged : kBeginAnew});
    }
    if (place_.goes_on) return;
    steps.push_back({"make schemas, types, functions, tables and views, with their privileges",
                     [this] { return scripts_->MakeBeforeRows(run_); }, kUnchanged});
  }

  void AddRows(std::vector<LogicalStep>& steps) {
    if (!rows_.emptied.empty()) {
      steps.push_back(
          {fmt::format("empty {} tables that an interrupted restore may have filled",
                       rows_.emptied.size()),
           [this] { return sources::EmptyTables(run_.session.connection, rows_.emptied); },
           way_on_});
    }
    const std::string replaced =
        rows_.replaced.empty() ? ""
                               : fmt::format("; in {} of them in the place of those that are there",
                                             rows_.replaced.size());
    steps.push_back({fmt::format("load {} rows of {} tables{}", run_.report.rows,
                                 run_.report.tables.size(), replaced),
                     [this] { return LoadRows(); }, way_on_});
    if (run_.report.large_objects > 0) {
      steps.push_back({fmt::format("load {} large objects", run_.report.large_objects),
                       [this] { return LoadObjects(); }, way_on_});
    }
    steps.push_back(
        {fmt::format("set {} sequences", run_.report.sequences),
         [this] { return sources::SetSequences(run_.session.connection, rows_.sequences); },
         way_on_});
    if (!place_.beside_others) return;
    steps.push_back({fmt::format("note in the schema {} that all rows are there", kRestoreMarker),
                     [this] {
                       return run_.session.connection
                           .Query(fmt::format("COMMENT ON SCHEMA {} IS {}", kRestoreMarker,
                                              postgres::QuoteLiteral(RestoreNote(run_, true))))
                           .status();
                     },
                     way_on_});
  }

  void AddAfterRows(std::vector<LogicalStep>& steps) {
    steps.push_back({"make indexes, constraints, triggers, policies and publications",
                     [this] { return scripts_->MakeAfterRows(run_); }, way_on_});
    if (!scripts_->plan().attempts.empty()) {
      std::vector<std::string> names;
      for (const auto& attempt : scripts_->plan().attempts) names.push_back(attempt.what);
      steps.push_back({fmt::format("make on what is there, as far as the server lets it: {}",
                                   fmt::join(names, ", ")),
                       [this] { return scripts_->MakeAttempts(run_); }, way_on_});
    }
    if (!rows_.jobs.empty()) {
      steps.push_back({fmt::format("schedule {} cron jobs", rows_.jobs.size()),
                       [this] { return ScheduleJobs(); }, way_on_});
    }
    if (place_.beside_others) {
      steps.push_back({"grant what the role had granted on things of others",
                       [this] { return scripts_->GrantOnOthers(run_); }, way_on_});
    }
  }

  Status LoadRows() {
    RETURN_IF_ERROR(CompletePlan(run_, scripts_->plan(), place_.beside_others, rows_));
    RowLoad load{run_.contents,  rows_.tables,          run_.conninfo,
                 run_.threads(), run_.options.progress, rows_.replaced};
    RETURN_IF_ERROR(LoadAllRows(load).status());
    return NoteDanglingKeys();
  }

  // Of tables that belong together not all may have been written. Of an extension's there may be
  // rows that it made and no backup has.
  Status NoteDanglingKeys() {
    for (const format::LogicalTable* table : rows_.tables) {
      const bool unwatched = table->of_extension() && run_.session.silent;
      if (!unwatched && !rows_.replaced.contains(table->oid())) continue;
      Result<std::vector<std::string>> dangling =
          sources::FindDanglingKeys(run_.session.connection, table->schema(), table->name());
      if (!dangling.ok() && dangling.code() == Code::kConnection) return dangling.error();
      if (!dangling.ok()) {
        run_.report.warnings.push_back(dangling.error().message);
        continue;
      }
      for (const std::string& line : *dangling) {
        if (std::ranges::count(run_.report.warnings, line) == 0) {
          run_.report.warnings.push_back(line);
        }
      }
    }
    return {};
  }

  Status LoadObjects() {
    if (place_.goes_on) {
      std::vector<uint32_t> oids;
      for (const auto& object : run_.contents.catalog().large_objects()) {
        oids.push_back(object.oid());
      }
      RETURN_IF_ERROR(sources::DeleteOwnLargeObjects(run_.session.connection, oids));
    }
    return LoadLargeObjects(run_.contents, run_.session.connection,
                            [this](const std::string& owner) {
                              return target_.superuser || target_.roles.contains(owner);
                            });
  }

  // Not in the session that loads rows: what pg_cron does about a job is a trigger.
  Status ScheduleJobs() {
    ASSIGN_OR_RETURN(postgres::Connection connection,
                     postgres::Connection::Open(run_.conninfo, "pgcairn restore"));
    for (const sources::CronJob& job : rows_.jobs) {
      RETURN_IF_ERROR(sources::ScheduleJob(connection, job));
    }
    return {};
  }

  Status FillViews() {
    std::vector<sources::MaterializedView> views;
    for (const format::LogicalView& view : run_.contents.catalog().filled_views()) {
      auto there =
          target_.there.find(sources::HeadOf("MATERIALIZED VIEW", view.schema(), view.name()));
      // Those of others are filled by others.
      if (there != target_.there.end() && there->second == sources::Whose::kOthers) continue;
      views.push_back({view.schema(), view.name()});
    }
    return sources::FillMaterializedViews(run_.session.connection, views);
  }

  Status AnalyzeAll() {
    ASSIGN_OR_RETURN(std::vector<std::string> statements,
                     sources::AnalyzeStatements(run_.session.connection));
    std::vector<sources::LoadSession> others;
    const size_t wanted = std::min(run_.threads(), statements.size());
    while (others.size() + 1 < wanted) {
      Result<sources::LoadSession> session = sources::OpenLoadSession(run_.conninfo, run_.text());
      if (!session.ok()) break;
      others.push_back(std::move(session).value());
    }
    return ForEachInParallel(
        statements.size(), others.size() + 1, [&](size_t worker, size_t statement) {
          postgres::Connection& connection =
              worker == 0 ? run_.session.connection : others[worker - 1].connection;
          return connection.Query(statements[statement]).status().Context(statements[statement]);
        });
  }

  LogicalRun& run_;
  SchemaFile schema_;
  std::vector<sources::ArchiveEntry> archive_;
  sources::TargetDefinitions target_;
  RestorePlace place_;
  std::optional<DefinitionScripts> scripts_;
  RowsPlan rows_;
  std::string way_on_;
};

}  // namespace

Status RestoreDatabase(LogicalRun& run) {
  ASSIGN_OR_RETURN(SchemaFile schema,
                   SchemaFile::Fetch(run.contents, run.settings.restore.test_directory,
                                     run.settings.cluster.bin_dir));
  DatabaseRestore restore(run, std::move(schema));
  RETURN_IF_ERROR(restore.Plan());
  if (!run.refusals.empty() && !run.options.dry_run) return run.refusals.front();
  for (const std::string& warning : run.report.warnings) LogWarning("{}", warning);
  return RunSteps(restore.Steps(), run);
}

}  // namespace pgcairn::commands
