#include "commands/table_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "commands/logical_rows.h"
#include "commands/logical_source.h"
#include "commands/logical_tables.h"
#include "postgres/definitions_script.h"
#include "postgres/dump_archive.h"
#include "postgres/identifier.h"
#include "sources/logical/target_table.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr uint64_t kDefinitionsBytesMax = uint64_t{1} << 30;

size_t EndOfStatement(std::string_view sql) {
  for (size_t at = 0; at < sql.size();) {
    if (sql[at] == ';') return at;
    const size_t behind = postgres::EndOfQuoted(sql, at);
    at = behind > at ? behind : at + 1;
  }
  return std::string_view::npos;
}

// Behind an identifier at `from`; `from` when there is none.
size_t EndOfIdentifier(std::string_view sql, size_t from) {
  size_t at = from;
  while (at < sql.size() && sql[at] == '"') at = postgres::EndOfQuoted(sql, at);
  if (at > from) return at;
  while (at < sql.size() && sql[at] != '.' && sql[at] != ' ' && sql[at] != '(' && sql[at] != '\n') {
    ++at;
  }
  return at;
}

// Whether a clause follows what is between the table's parentheses: of those that come there,
// INHERITS would make the copy's rows rows of another table.
bool Inherits(std::string_view statement) {
  const size_t last = statement.rfind("\nINHERITS (");
  return last != std::string_view::npos;
}

struct Copied {
  const format::LogicalTable* from = nullptr;
  format::LogicalTable to;  // under its new name, to be loaded directly
  std::string sql_name;
  std::string definition;
};

// "name" or "schema.name"; the first dot parts them.
void NameCopy(const std::string& as, Copied& copied) {
  copied.to = *copied.from;
  const size_t dot = as.find('.');
  if (dot == std::string::npos) {
    copied.to.set_name(as);
  } else {
    copied.to.set_schema(as.substr(0, dot));
    copied.to.set_name(as.substr(dot + 1));
  }
  copied.to.clear_load_schema();
  copied.to.clear_load_name();
  copied.to.set_of_extension(false);
  copied.sql_name = postgres::QualifiedName(copied.to.schema(), copied.to.name());
}

Status ReadDefinition(LogicalRun& run, Copied& copied) {
  ASSIGN_OR_RETURN(SchemaFile schema,
                   SchemaFile::Fetch(run.contents, run.settings.restore.test_directory,
                                     run.settings.cluster.bin_dir));
  ASSIGN_OR_RETURN(Bytes dump, ReadFile(schema.archive().path, kDefinitionsBytesMax));
  ASSIGN_OR_RETURN(postgres::DumpArchive archive, postgres::ReadDumpArchive(dump));
  const format::LogicalTable& from = *copied.from;
  uint32_t id = 0;
  for (const postgres::ArchiveItem& item : archive.items) {
    if (postgres::IsTable(item) && item.oid == from.oid()) {
      id = item.id;
      std::optional<std::string> renamed =
          RenamedDefinition(item.definition.value_or(""), copied.sql_name);
      if (!renamed) {
        return Error{Code::kUnsupported,
                     fmt::format("{}.{} inherits columns, or is made of a type: it cannot be made "
                                 "under another name",
                                 from.schema(), from.name()),
                     "restore it into another database, without --as"};
      }
      copied.definition = *std::move(renamed);
    } else if (id != 0 && std::ranges::count(item.needs, id) > 0 && item.kind && item.tag) {
      run.report.skipped.push_back(
          fmt::format("{} {}: a copy under another name goes without", *item.kind, *item.tag));
    }
  }
  if (id != 0) return {};
  return Error{Code::kUnsupported,
               fmt::format("the definition of {}.{} is not in the backup: an extension makes it",
                           from.schema(), from.name()),
               "restore it without --as"};
}

Status CheckTarget(LogicalRun& run, const Copied& copied) {
  postgres::Connection& connection = run.session.connection;
  ASSIGN_OR_RETURN(bool has_schema, sources::HasSchema(connection, copied.to.schema()));
  if (!has_schema) {
    run.refusals.push_back(
        {Code::kRefused, fmt::format("the database has no schema {}", copied.to.schema()),
         "make it first: CREATE SCHEMA " + postgres::QuoteIdentifier(copied.to.schema())});
  }
  ASSIGN_OR_RETURN(std::optional<sources::TargetTable> there,
                   sources::FindTable(connection, copied.to.schema(), copied.to.name()));
  if (!there) return {};
  run.refusals.push_back(
      {Code::kRefused, fmt::format("{}.{} is there already", copied.to.schema(), copied.to.name()),
       "give --as a name that nothing has"});
  return {};
}

}  // namespace

std::optional<std::string> RenamedDefinition(const std::string& definition,
                                             const std::string& name) {
  const std::string_view sql = definition;
  const size_t end = EndOfStatement(sql);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view statement = sql.substr(0, end + 1);
  for (std::string_view begin : {"CREATE TABLE ", "CREATE UNLOGGED TABLE "}) {
    if (!statement.starts_with(begin)) continue;
    const size_t dot = EndOfIdentifier(statement, begin.size());
    if (dot >= statement.size() || statement[dot] != '.') return std::nullopt;
    const std::string_view rest = statement.substr(EndOfIdentifier(statement, dot + 1));
    // "OF type" is not taken apart.
    if (!rest.starts_with(" (") || Inherits(rest)) return std::nullopt;
    return fmt::format("{}{}{}", begin, name, rest);
  }
  return std::nullopt;
}

Status RestoreTableAs(LogicalRun& run) {
  Copied copied;
  ASSIGN_OR_RETURN(copied.from, FindInBackup(run.contents, run.options.tables.front()));
  NameCopy(run.options.as, copied);
  RETURN_IF_ERROR(ReadDefinition(run, copied));
  RETURN_IF_ERROR(CheckTarget(run, copied));
  const format::LogicalTable& table = copied.to;
  run.report.tables.push_back({table.schema(), table.name(), table.rows(), table.bytes()});
  run.report.rows = table.rows();
  run.report.bytes = table.bytes();
  if (!run.refusals.empty()) return run.options.dry_run ? Status() : run.refusals.front();
  const std::string again =
      fmt::format("to go on, DROP TABLE IF EXISTS {}; and run the restore again", copied.sql_name);
  postgres::Connection& connection = run.session.connection;
  return RunSteps(
      {{"make " + copied.sql_name,
        [&]() -> Status {
          RETURN_IF_ERROR(connection.Query(copied.definition).status());
          return sources::RevokeFromOthers(connection, copied.sql_name);
        },
        again},
       {"load its rows",
        [&] {
          RowLoad load{
              run.contents, {&copied.to}, run.conninfo, run.threads(), run.options.progress};
          return LoadAllRows(load).status();
        },
        again},
       {"gather the planner's statistics",
        [&] { return connection.Query("ANALYZE " + copied.sql_name).status(); },
        "all rows are restored: mend the cause, and finish by hand with ANALYZE"}},
      run);
}

}  // namespace pgcairn::commands
