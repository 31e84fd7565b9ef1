#include "cli/logical_restore_output.h"

#include <fmt/format.h>

namespace pgcairn::cli {
namespace {

void PrintList(std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  fmt::print("{}\n", title);
  for (const std::string& line : lines) fmt::print("  {}\n", line);
}

void PrintTables(const commands::LogicalRestoreReport& report) {
  if (report.tables.empty()) return;
  fmt::print("Tables:\n");
  for (const commands::LogicalRestoreReport::Table& table : report.tables) {
    fmt::print("  {}.{}: {} rows, {}\n", table.schema, table.name, table.rows,
               FormatBytes(table.bytes));
  }
}

Json RecoveredJson(const commands::RecoveredMoment& recovered) {
  return {{"database", recovered.database},
          {"target", recovered.target},
          {"timeline", recovered.timeline},
          {"explanation", recovered.explanation},
          {"everything_because", recovered.everything_because},
          {"bytes_restored", recovered.bytes_restored},
          {"bytes_left_out", recovered.bytes_left_out},
          {"restore_seconds", recovered.restore_seconds},
          {"recovery_seconds", recovered.recovery_seconds}};
}

void PrintRecovered(const commands::RecoveredMoment& recovered) {
  fmt::print("  as the database {} was at {} on timeline {}\n", recovered.database,
             recovered.target, recovered.timeline);
  fmt::print("  restored {} for it, {}; recovered: {}\n", FormatBytes(recovered.bytes_restored),
             FormatDuration(recovered.restore_seconds), FormatDuration(recovered.recovery_seconds));
  if (recovered.everything_because.empty()) {
    fmt::print("  left out {} of other databases\n", FormatBytes(recovered.bytes_left_out));
  } else {
    fmt::print("  that is the whole backup: {}\n", recovered.everything_because);
  }
}

}  // namespace

Json LogicalRestoreJson(const commands::LogicalRestoreReport& report) {
  Json tables = Json::array();
  for (const commands::LogicalRestoreReport::Table& table : report.tables) {
    tables.push_back({{"schema", table.schema},
                      {"name", table.name},
                      {"rows", table.rows},
                      {"bytes", table.bytes}});
  }
  Json json = {{"backup_id", report.backup_id},
               {"database", report.database},
               {"dry_run", report.dry_run},
               {"steps", report.steps},
               {"steps_done", report.steps_done},
               {"tables", std::move(tables)},
               {"rows", report.rows},
               {"bytes", report.bytes},
               {"large_objects", report.large_objects},
               {"sequences", report.sequences},
               {"missing_roles", report.missing_roles},
               {"skipped", report.skipped},
               {"warnings", report.warnings},
               {"refusals", report.refusals},
               {"requests", report.requests},
               {"bytes_fetched", report.bytes_fetched},
               {"seconds", report.seconds}};
  if (report.recovered) json["recovered"] = RecoveredJson(*report.recovered);
  return json;
}

void PrintLogicalRestore(const commands::LogicalRestoreReport& report) {
  if (report.dry_run) {
    fmt::print("A restore of {} into the database {} would\n", report.backup_id, report.database);
    for (const std::string& step : report.steps) fmt::print("  {}\n", step);
    PrintTables(report);
  } else {
    fmt::print("Restored {} into the database {}: {} tables, {} rows, {}, {}\n", report.backup_id,
               report.database, report.tables.size(), report.rows, FormatBytes(report.bytes),
               FormatDuration(report.seconds));
    fmt::print("  fetched {} in {} requests\n", FormatBytes(report.bytes_fetched), report.requests);
  }
  if (report.recovered) PrintRecovered(*report.recovered);
  PrintList("Worth knowing:", report.warnings);
  PrintList("Not restored:", report.skipped);
  PrintList("Refused, unless that is mended:", report.refusals);
  if (report.dry_run) fmt::print("Nothing was changed.\n");
}

Json LogicalTestJson(const commands::LogicalTestReport& report) {
  Json json = LogicalRestoreJson(report.restore);
  json.erase("dry_run");
  json["test"] = true;
  json["own_server"] = report.own_server;
  json["server_major"] = report.server_major;
  json["removed_databases"] = report.removed_databases;
  json["tables_counted"] = report.tables_counted;
  json["start_seconds"] = report.start_seconds;
  json["restore_seconds"] = report.restore_seconds;
  json["query_seconds"] = report.query_seconds;
  json["stop_seconds"] = report.stop_seconds;
  return json;
}

void PrintLogicalTest(const commands::LogicalTestReport& report) {
  const commands::LogicalRestoreReport& restore = report.restore;
  fmt::print("Trial restore of {} into {} of PostgreSQL {}\n", restore.backup_id,
             report.own_server ? "a server" : "a database at restore.test_url,",
             report.server_major);
  fmt::print("  made it ready: {}\n", FormatDuration(report.start_seconds));
  fmt::print("  restored {} tables, {} rows, {}: {}\n", restore.tables.size(), restore.rows,
             FormatBytes(restore.bytes), FormatDuration(report.restore_seconds));
  fmt::print("  counted the rows of {} tables, all as many as in the backup: {}\n",
             report.tables_counted, FormatDuration(report.query_seconds));
  fmt::print("  removed it: {}\n", FormatDuration(report.stop_seconds));
  PrintList("Databases that killed trials had left, now removed:", report.removed_databases);
  PrintList("Worth knowing:", restore.warnings);
  PrintList("Not restored:", restore.skipped);
  fmt::print("The backup can be restored. The trial was removed.\n");
}

}  // namespace pgcairn::cli
