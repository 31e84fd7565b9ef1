#include "commands/logical_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "commands/logical_rows.h"
#include "commands/logical_source.h"
#include "commands/table_entries.h"
#include "commands/table_replace.h"
#include "config/nearest.h"
#include "postgres/identifier.h"
#include "sources/logical/schema_restore.h"
#include "sources/logical/target_table.h"

namespace pgcairn::commands {
namespace {

std::string TableName(const format::LogicalTable& table) {
  return fmt::format("{}.{}", table.schema(), table.name());
}

bool IsNamed(const format::LogicalTable& table, const std::string& text) {
  return text == table.name() || text == TableName(table);
}

Error NoSuchTable(const DatabaseContents& contents, const std::string& text) {
  std::vector<std::string> names;
  for (const format::LogicalTable& table : contents.catalog().tables()) {
    names.push_back(TableName(table));
  }
  const std::string whole = text.find('.') == std::string::npos ? "public." + text : text;
  const std::optional<config::NearestName> nearest = config::FindNearest(whole, names);
  const bool is_like = nearest && nearest->distance <= whole.size() / 3;
  return {Code::kNotFound,
          fmt::format("{} has no rows of a table {}{}", contents.Describe(), text,
                      is_like ? fmt::format("; it has {}", nearest->name) : ""),
          "write SCHEMA.NAME without quotes, as `restore --dry-run` shows it; of a partitioned "
          "table name the partitions"};
}

Result<std::vector<const format::LogicalTable*>> ChooseTables(const LogicalRun& run) {
  std::vector<const format::LogicalTable*> chosen;
  for (const std::string& text : run.options.tables) {
    ASSIGN_OR_RETURN(const format::LogicalTable* table, FindInBackup(run.contents, text));
    if (std::ranges::count(chosen, table) == 0) chosen.push_back(table);
  }
  return chosen;
}

// Whether a table is to be made or its rows are to be replaced.
struct ChosenTables {
  std::vector<const format::LogicalTable*> made;
  std::vector<TableToReplace> replaced;
};

Status ChooseWay(LogicalRun& run, const format::LogicalTable& table, ChosenTables& chosen) {
  const std::string name = TableName(table);
  postgres::Connection& connection = run.session.connection;
  ASSIGN_OR_RETURN(std::optional<sources::TargetTable> there,
                   sources::FindTable(connection, table.schema(), table.name()));
  run.report.tables.push_back({table.schema(), table.name(), table.rows(), table.bytes()});
  run.report.rows += table.rows();
  run.report.bytes += table.bytes();
  if (!there) {
    ASSIGN_OR_RETURN(bool has_schema, sources::HasSchema(connection, table.schema()));
    if (!has_schema) {
      run.refusals.push_back(
          {Code::kRefused, fmt::format("the database has no schema {}", table.schema()),
           "make it first: CREATE SCHEMA " + postgres::QuoteIdentifier(table.schema())});
    }
    if (table.of_extension()) {
      run.refusals.push_back(
          {Code::kRefused, fmt::format("{} belongs to an extension that the database lacks", name),
           "make it first, with CREATE EXTENSION, and add --replace"});
    }
    chosen.made.push_back(&table);
    return {};
  }
  if (!run.options.replace) {
    run.refusals.push_back({Code::kRefused, name + " is there already",
                            "--replace puts the backup's rows in the place of those that it has"});
    return {};
  }
  TableToReplace replaced = PlanReplacing(table, *std::move(there), run.report);
  if (replaced.target.kind != 'r' || (replaced.columns.empty() && table.columns_size() > 0)) {
    run.refusals.push_back({Code::kRefused,
                            name + " of the database is no table with columns of the backup's",
                            "rename or drop it"});
    return {};
  }
  chosen.replaced.push_back(std::move(replaced));
  return {};
}

// Those that the database does not have.
class TableMaker {
 public:
  TableMaker(LogicalRun& run, std::vector<const format::LogicalTable*> tables, SchemaFile schema)
      : run_(run), tables_(std::move(tables)), schema_(std::move(schema)) {}

  Status ReadEntries() {
    ASSIGN_OR_RETURN(std::vector<sources::ArchiveEntry> archive,
                     sources::ListArchive(schema_.archive()));
    for (const format::LogicalTable* table : tables_) {
      TableEntries entries = EntriesOfTable(archive, *table);
      if (entries.before_rows.empty()) {
        return Error{Code::kDamaged,
                     fmt::format("the definitions of {} lack {}", run_.contents.Describe(),
                                 TableName(*table)),
                     ""};
      }
      for (const std::string& text : entries.left_out) {
        run_.report.skipped.push_back(
            fmt::format("{}: connects {} with what is not restored", text, TableName(*table)));
      }
      auto add = [](std::vector<uint32_t>& to, const std::vector<uint32_t>& from) {
        to.insert(to.end(), from.begin(), from.end());
      };
      add(before_rows_, entries.before_rows);
      add(after_rows_, entries.after_rows);
      for (TableEntries::ForeignKey& key : entries.foreign_keys) {
        foreign_keys_.push_back(std::move(key));
      }
    }
    return {};
  }

  void AddSteps(std::vector<LogicalStep>& steps) {
    std::vector<std::string> names;
    for (const format::LogicalTable* table : tables_) {
      names.push_back(postgres::QualifiedName(table->schema(), table->name()));
    }
    const std::string again = fmt::format(
        "to go on, DROP TABLE IF EXISTS {}; and run the restore again", fmt::join(names, ", "));
    steps.push_back(
        {fmt::format("make {}", fmt::join(names, ", ")), [this] { return Make(); }, again});
    steps.push_back({"load their rows", [this] { return Load(); }, again});
    steps.push_back({"set their sequences", [this] { return SetSequences(); }, again});
    if (!after_rows_.empty()) {
      steps.push_back({"make their indexes, constraints, triggers, policies and privileges",
                       [this] { return Restore(after_rows_); }, again});
    }
  }

  // When all rows of all tables are there.
  void AddLastSteps(std::vector<LogicalStep>& steps) {
    if (foreign_keys_.empty()) return;
    steps.push_back({"make their foreign keys, as far as the other tables let them",
                     [this] { return MakeForeignKeys(); },
                     "all rows are there: mend the cause, and add the foreign keys by hand"});
  }

 private:
  Status Restore(const std::vector<uint32_t>& ids) {
    return sources::RestoreEntries(run_.session.connection, schema_.archive(), ids,
                                   schema_.ListPath());
  }

  // Default privileges of the target are not those of the backup, which come with the policies.
  Status Make() {
    RETURN_IF_ERROR(Restore(before_rows_));
    for (const format::LogicalTable* table : tables_) {
      RETURN_IF_ERROR(sources::RevokeFromOthers(
          run_.session.connection, postgres::QualifiedName(table->schema(), table->name())));
    }
    return {};
  }

  Status Load() {
    RowLoad load{run_.contents, tables_, run_.conninfo, run_.threads(), run_.options.progress};
    ASSIGN_OR_RETURN(std::vector<LoadedRows> loaded, LoadAllRows(load));
    for (size_t i = 0; i < loaded.size(); ++i) {
      run_.report.CountBytes(tables_[i]->schema(), tables_[i]->name(), loaded[i].bytes);
    }
    return {};
  }

  Status SetSequences() {
    for (const format::LogicalTable* table : tables_) {
      ASSIGN_OR_RETURN(std::optional<sources::TargetTable> made,
                       sources::FindTable(run_.session.connection, table->schema(), table->name()));
      if (!made) continue;
      const std::vector<sources::SequenceValue> values =
          InBackup(run_.contents.catalog(), made->sequences);
      RETURN_IF_ERROR(sources::SetSequences(run_.session.connection, values));
      run_.report.sequences += values.size();
    }
    return {};
  }

  Status MakeForeignKeys() {
    for (const TableEntries::ForeignKey& key : foreign_keys_) {
      Status made = Restore(key.ids);
      if (made.ok()) continue;
      // What pg_restore could not do to the database ends with its status; all else is an error.
      if (made.code() != Code::kFailed) return made;
      run_.report.skipped.push_back(fmt::format("{}: {}", key.text, made.error().message));
    }
    return {};
  }

  LogicalRun& run_;
  const std::vector<const format::LogicalTable*> tables_;
  SchemaFile schema_;
  std::vector<uint32_t> before_rows_;
  std::vector<uint32_t> after_rows_;
  std::vector<TableEntries::ForeignKey> foreign_keys_;
};

Status AnalyzeThese(LogicalRun& run) {
  for (const LogicalRestoreReport::Table& table : run.report.tables) {
    RETURN_IF_ERROR(
        run.session.connection.Query("ANALYZE " + postgres::QualifiedName(table.schema, table.name))
            .status());
  }
  return {};
}

void AddReplacing(LogicalRun& run, const std::vector<TableToReplace>& tables,
                  std::vector<LogicalStep>& steps) {
  std::vector<std::string> names;
  for (const TableToReplace& table : tables) names.push_back(TableName(*table.from));
  steps.push_back(
      {fmt::format("replace the rows of {}, in one transaction", fmt::join(names, ", ")),
       [&run, &tables] { return ReplaceRows(run, tables); },
       "these tables are as they were: mend the cause and run the restore again"});
}

}  // namespace

Result<const format::LogicalTable*> FindInBackup(const DatabaseContents& contents,
                                                 const std::string& text) {
  std::vector<const format::LogicalTable*> fitting;
  for (const format::LogicalTable& table : contents.catalog().tables()) {
    if (IsNamed(table, text)) fitting.push_back(&table);
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) return NoSuchTable(contents, text);
  std::vector<std::string> names;
  for (const format::LogicalTable* table : fitting) names.push_back(TableName(*table));
  return Error{Code::kUsage, fmt::format("{} has several tables {}", contents.Describe(), text),
               fmt::format("say which: {}", fmt::join(names, ", "))};
}

Status RestoreTables(LogicalRun& run) {
  ASSIGN_OR_RETURN(std::vector<const format::LogicalTable*> tables, ChooseTables(run));
  ChosenTables chosen;
  for (const format::LogicalTable* table : tables) RETURN_IF_ERROR(ChooseWay(run, *table, chosen));
  if (!run.refusals.empty()) return run.options.dry_run ? Status() : run.refusals.front();
  std::vector<LogicalStep> steps;
  if (!run.report.missing_roles.empty()) {
    steps.push_back({fmt::format("make the roles {}, which cannot log in",
                                 fmt::join(run.report.missing_roles, ", ")),
                     [&run] { return MakeRoles(run); }, ""});
  }
  std::optional<TableMaker> maker;
  if (!chosen.made.empty()) {
    ASSIGN_OR_RETURN(SchemaFile schema,
                     SchemaFile::Fetch(run.contents, run.settings.restore.test_directory,
                                       run.settings.cluster.bin_dir));
    maker.emplace(run, chosen.made, std::move(schema));
    RETURN_IF_ERROR(maker->ReadEntries());
    maker->AddSteps(steps);
  }
  if (!chosen.replaced.empty()) AddReplacing(run, chosen.replaced, steps);
  if (maker) maker->AddLastSteps(steps);
  steps.push_back({"gather the planner's statistics", [&run] { return AnalyzeThese(run); },
                   "all rows are restored: mend the cause, and finish by hand with ANALYZE"});
  return RunSteps(steps, run);
}

}  // namespace pgcairn::commands
