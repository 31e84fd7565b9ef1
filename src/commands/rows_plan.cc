#include "commands/rows_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "commands/extension_rows.h"
#include "postgres/identifier.h"
#include "sources/logical/target_rows.h"

namespace pgcairn::commands {
namespace {

constexpr size_t kJobsBytesMax = size_t{64} << 20;
constexpr char kNoSuchExtension[] =
    "the extension that it is of was left out, or has no such table here";

// What a platform's tables have been through is true of the tables that are there, not of those
// that the backup was made of: a service would change them again.
bool IsRecordOfMigrations(const std::string& name) {
  return name == "migrations" || name == "schema_migrations";
}

bool IsJobTable(const format::LogicalTable& table) {
  return table.schema() == "cron" && table.name() == "job";
}

class RowsPlanner {
 public:
  RowsPlanner(LogicalRun& run, const sources::TargetDefinitions& target,
              const DefinitionPlan& definitions, bool beside_others, bool goes_on)
      : run_(run),
        target_(target),
        definitions_(definitions),
        beside_others_(beside_others),
        goes_on_(goes_on) {}

  Result<RowsPlan> Plan() {
    for (const format::LogicalTable& table : run_.contents.catalog().tables()) {
      if (definitions_.absent_tables.contains(table.oid())) continue;
      RETURN_IF_ERROR(beside_others_ ? AddBesideOthers(table) : Add(table));
    }
    RETURN_IF_ERROR(AddSequences());
    NoteLargeObjects();
    if (beside_others_ && !goes_on_) RETURN_IF_ERROR(RefuseLargeObjectsThatAreThere());
    RefuseCircles();
    RETURN_IF_ERROR(RefuseEmptyingMore());
    return std::move(plan_);
  }

  Status Complete(RowsPlan& plan) {
    plan_ = std::move(plan);
    for (const format::LogicalTable* table : std::exchange(plan_.tables, {})) {
      if (plan_.unknown.contains(table->oid())) {
        TakeBack(*table);
        RETURN_IF_ERROR(AddMade(*table));
      } else {
        plan_.tables.push_back(table);
      }
    }
    RETURN_IF_ERROR(LeaveOutSequences());
    plan = std::move(plan_);
    return {};
  }

 private:
  Status Add(const format::LogicalTable& table) {
    if (run_.options.skip_extensions && table.of_extension() &&
        !IsThere("TABLE", table.schema(), table.name())) {
      plan_.unknown.insert(table.oid());
    }
    plan_.tables.push_back(&table);
    run_.report.tables.push_back({table.schema(), table.name(), table.rows(), table.bytes()});
    run_.report.rows += table.rows();
    run_.report.bytes += table.bytes();
    return {};
  }

  void LeaveOut(const format::LogicalTable& table, const std::string& why) {
    if (table.rows() == 0) return;
    run_.report.skipped.push_back(
        fmt::format("the {} rows of {}.{}: {}", table.rows(), table.schema(), table.name(), why));
  }

  bool IsThere(const std::string& kind, const std::string& schema, const std::string& name) const {
    return target_.there.contains(sources::HeadOf(kind, schema, name));
  }

  // From the report alone.
  void TakeBack(const format::LogicalTable& table) {
    std::erase_if(run_.report.tables, [&table](const auto& counted) {
      return counted.schema == table.schema() && counted.name == table.name();
    });
    run_.report.rows -= table.rows();
    run_.report.bytes -= table.bytes();
  }

  Status AddMade(const format::LogicalTable& table) {
    if (beside_others_) return AddBesideOthers(table);
    if (IsThere("TABLE", table.schema(), table.name())) return Add(table);
    LeaveOut(table, kNoSuchExtension);
    return {};
  }

  // No backup says which one it is of.
  Status AddOfMissingExtension(const format::LogicalTable& table) {
    auto is_made = [&](const DefinitionPlan::Definition& made) {
      return IsJobTable(table) ? made.extension == "pg_cron" : !made.extension.empty();
    };
    if (goes_on_ || std::ranges::none_of(definitions_.before_rows, is_made)) {
      LeaveOut(table, kNoSuchExtension);
      return {};
    }
    if (IsJobTable(table)) return AddJobs(table);
    plan_.unknown.insert(table.oid());
    return Add(table);
  }

  Status AddBesideOthers(const format::LogicalTable& table) {
    postgres::Connection& connection = run_.session.connection;
    if (!IsThere("TABLE", table.schema(), table.name())) {
      return table.of_extension() ? AddOfMissingExtension(table) : Add(table);
    }
    ASSIGN_OR_RETURN(std::optional<sources::TableInUse> there,
                     sources::LookAtTable(connection, table.schema(), table.name()));
    if (!there) {
      LeaveOut(table, fmt::format("the role {} may not use its schema", target_.role));
      return {};
    }
    if (IsJobTable(table) && !there->own) return AddJobs(table);
    if (std::optional<std::string> why = WhyLeftOut(table, *there)) {
      LeaveOut(table, *why);
      return {};
    }
    if (IsOfTheInterrupted(table) && HasAllColumns(*there, table)) {
      plan_.emptied.push_back(postgres::QualifiedName(table.schema(), table.name()));
      return Add(table);
    }
    if (!goes_on_) RETURN_IF_ERROR(RefuseRowsOfTheUser(table, *there));
    return Replace(table, *there);
  }

  static bool HasAllColumns(const sources::TableInUse& there, const format::LogicalTable& table) {
    return std::ranges::all_of(table.columns(), [&there](const std::string& column) {
      return std::ranges::count(there.columns, column) > 0;
    });
  }

  // The interrupted restore has made it, or found it without rows.
  bool IsOfTheInterrupted(const format::LogicalTable& table) const {
    // Of an extension's some rows came with it, which no backup has.
    if (!goes_on_ || table.of_extension()) return false;
    auto there = target_.there.find(sources::HeadOf("TABLE", table.schema(), table.name()));
    return there != target_.there.end() && there->second != sources::Whose::kOthers;
  }

  // What a platform fills by itself may be replaced. Rows that its user may have made, under
  // whatever role, are not asked for here, and least of all those of the database that is backed
  // up.
  Status RefuseRowsOfTheUser(const format::LogicalTable& table, const sources::TableInUse& there) {
    const bool in_use = run_.options.target_url.empty();
    if (there.of_platform && !in_use) return {};
    ASSIGN_OR_RETURN(bool has_rows,
                     sources::HasRows(run_.session.connection,
                                      postgres::QualifiedName(table.schema(), table.name())));
    if (!has_rows) return {};
    run_.refusals.push_back(
        {Code::kRefused,
         fmt::format("the database {} is in use: {}.{} has rows, which the backup's would replace",
                     run_.report.database, table.schema(), table.name()),
         in_use ? "this is the database that is backed up: name another one with --target-url, or "
                  "restore single tables with --type=table --replace"
                : "a whole backup goes into a project in which nothing was made yet; or restore "
                  "single tables with --type=table --replace"});
    return {};
  }

  std::optional<std::string> WhyLeftOut(const format::LogicalTable& table,
                                        const sources::TableInUse& there) const {
    if (!there.is_table) return "what has its name there holds no rows";
    if (IsOfTheInterrupted(table)) return std::nullopt;
    if (!there.may_write) return fmt::format("the role {} may not write them", target_.role);
    if (!there.own && IsRecordOfMigrations(table.name())) {
      return "they say how the platform made its tables, and the tables are those of the target";
    }
    if (there.sequence_of_others && table.rows() > 0) {
      return fmt::format(
          "their numbers come from the sequence {}, which the role {} may not set: it would give "
          "the same ones again",
          *there.sequence_of_others, target_.role);
    }
    if (!table.load_name().empty()) return "it is a part of a table that is there, by hash";
    return std::nullopt;
  }

  // What both have; a column that only one of them has is named.
  Status Replace(const format::LogicalTable& table, const sources::TableInUse& there) {
    const std::string name = fmt::format("{}.{}", table.schema(), table.name());
    std::vector<std::string> columns;
    for (const std::string& column : table.columns()) {
      if (std::ranges::count(there.columns, column) > 0) {
        columns.push_back(column);
      } else {
        run_.report.skipped.push_back(fmt::format(
            "column {} of {}: the table there has none that takes values", column, name));
      }
    }
    for (const std::string& column : there.columns) {
      if (std::ranges::count(table.columns(), column) > 0) continue;
      run_.report.warnings.push_back(fmt::format(
          "column {} of {} is not in the backup: every row gets its default", column, name));
    }
    if (columns.empty()) {
      LeaveOut(table, "the table there has none of its columns");
      return {};
    }
    plan_.replaced[table.oid()] = std::move(columns);
    return Add(table);
  }

  Status AddJobs(const format::LogicalTable& table) {
    std::string rows;
    for (uint32_t part = 0; part < table.parts(); ++part) {
      ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader, run_.contents.ReadRows(table, part));
      for (;;) {
        ASSIGN_OR_RETURN(ByteView piece, reader->Next());
        if (piece.empty()) break;
        rows += AsText(piece);
        if (rows.size() <= kJobsBytesMax) continue;
        LeaveOut(table, "they are too many to be scheduled one by one");
        return {};
      }
    }
    ASSIGN_OR_RETURN(std::vector<sources::CronJob> jobs,
                     sources::CronJobsIn({table.columns().begin(), table.columns().end()}, rows));
    for (sources::CronJob& job : jobs) {
      const std::string name = job.name.value_or(job.command);
      if (job.username != target_.role) {
        run_.report.skipped.push_back(fmt::format(
            "the cron job \"{}\": it is one of {}, and the role {} schedules its own alone", name,
            job.username, target_.role));
      } else if (job.database != run_.contents.catalog().database()) {
        run_.report.skipped.push_back(fmt::format(
            "the cron job \"{}\": it runs in the database {}, which the backup is not of", name,
            job.database));
      } else {
        plan_.jobs.push_back(std::move(job));
      }
    }
    return {};
  }

  Status AddSequences() {
    for (const format::LogicalSequence& sequence : run_.contents.catalog().sequences()) {
      const std::string head = sources::HeadOf("SEQUENCE", sequence.schema(), sequence.name());
      if (definitions_.absent.contains(head)) continue;
      bool may = true;
      if (beside_others_ && target_.there.contains(head)) {
        ASSIGN_OR_RETURN(may, sources::MaySetSequence(run_.session.connection, sequence.schema(),
                                                      sequence.name()));
      }
      if (may) {
        plan_.sequences.push_back(
            {sequence.schema(), sequence.name(), sequence.last_value(), sequence.is_called()});
      } else {
        run_.report.skipped.push_back(
            fmt::format("the value of the sequence {}.{}: the role {} "
                        "may not set it",
                        sequence.schema(), sequence.name(), target_.role));
      }
    }
    run_.report.sequences = plan_.sequences.size();
    return {};
  }

  Status LeaveOutSequences() {
    for (const sources::SequenceValue& value : std::exchange(plan_.sequences, {})) {
      ASSIGN_OR_RETURN(bool may,
                       sources::MaySetSequence(run_.session.connection, value.schema, value.name));
      if (may) {
        plan_.sequences.push_back(value);
      } else {
        run_.report.skipped.push_back(fmt::format(
            "the value of the sequence {}.{}: the extension that it is of was left out, or the "
            "role {} may not set it",
            value.schema, value.name, target_.role));
      }
    }
    run_.report.sequences = plan_.sequences.size();
    return {};
  }

  // They keep their numbers, which rows refer to.
  Status RefuseLargeObjectsThatAreThere() {
    std::vector<uint32_t> oids;
    for (const format::LogicalLargeObject& object : run_.contents.catalog().large_objects()) {
      oids.push_back(object.oid());
    }
    ASSIGN_OR_RETURN(std::optional<std::string> there,
                     sources::FindLargeObject(run_.session.connection, oids));
    if (!there) return {};
    run_.refusals.push_back({Code::kRefused,
                             fmt::format("the database {} has a large object {}, as the backup has",
                                         run_.report.database, *there),
                             "restore into another database, or unlink it there (lo_unlink)"});
    return {};
  }

  void RefuseCircles() {
    if (run_.session.silent) return;
    for (const std::string& circle : CirclesOfExtensions(plan_.tables)) {
      run_.refusals.push_back(
          {Code::kRefused,
           fmt::format("tables of an extension cannot be filled: {}, and the role {} may not set "
                       "session_replication_role",
                       circle, target_.role),
           "connect as a superuser"});
    }
  }

  // Of extensions that the restore makes nothing is known yet: the same is asked again later.
  Status RefuseEmptyingMore() {
    if (run_.session.silent) return {};
    std::vector<const format::LogicalTable*> there;
    for (const format::LogicalTable* table : plan_.tables) {
      if (table->of_extension() && IsThere("TABLE", table->schema(), table->name())) {
        there.push_back(table);
      }
    }
    Status all = RequireEmptyingIsAll(run_.session.connection, there);
    if (all.ok() || all.code() != Code::kRefused) return all;
    run_.refusals.push_back(all.error());
    return {};
  }

  void NoteLargeObjects() {
    const auto& objects = run_.contents.catalog().large_objects();
    run_.report.large_objects = static_cast<uint64_t>(objects.size());
    for (const format::LogicalLargeObject& object : objects) {
      if (target_.superuser || target_.roles.contains(object.owner())) continue;
      run_.report.skipped.push_back(fmt::format(
          "the owner {} of the large object {}: the role {} is no member of that, and becomes the "
          "owner itself",
          object.owner(), object.oid(), target_.role));
    }
  }

  LogicalRun& run_;
  const sources::TargetDefinitions& target_;
  const DefinitionPlan& definitions_;
  const bool beside_others_;
  const bool goes_on_;
  RowsPlan plan_;
};

}  // namespace

Result<RowsPlan> PlanRows(LogicalRun& run, const sources::TargetDefinitions& target,
                          const DefinitionPlan& definitions, bool beside_others, bool goes_on) {
  return RowsPlanner(run, target, definitions, beside_others, goes_on).Plan();
}

Status CompletePlan(LogicalRun& run, const DefinitionPlan& definitions, bool beside_others,
                    RowsPlan& plan) {
  if (plan.unknown.empty() && !run.options.skip_extensions) return {};
  ASSIGN_OR_RETURN(sources::TargetDefinitions target,
                   sources::ReadTargetDefinitions(run.session.connection));
  return RowsPlanner(run, target, definitions, beside_others, true).Complete(plan);
}

}  // namespace pgcairn::commands
