#include "commands/table_replace.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "commands/logical_rows.h"
#include "sources/logical/table_load.h"

namespace pgcairn::commands {
namespace {

Result<LoadedRows> LoadColumns(LogicalRun& run, const TableToReplace& table, Progress& progress) {
  const format::LogicalTable& from = *table.from;
  std::vector<bool> keep;
  for (const std::string& column : from.columns()) {
    keep.push_back(std::ranges::count(table.columns, column) > 0);
  }
  const bool all = table.columns.size() == keep.size();
  LoadedRows loaded;
  for (uint32_t part = 0; part < from.parts(); ++part) {
    ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader, run.contents.ReadRows(from, part));
    sources::FieldFilter filter(keep);
    auto next = [&]() -> Result<ByteView> {
      // No byte of a piece may be left, and then it is not the end.
      for (;;) {
        Result<ByteView> piece = reader->Next();
        if (!piece.ok() || piece->empty()) return piece;
        loaded.bytes += piece->size();
        progress.Add(piece->size());
        progress.Show();
        if (all) return piece;
        ASSIGN_OR_RETURN(ByteView kept, filter.Filter(*piece));
        if (!kept.empty()) return kept;
      }
    };
    ASSIGN_OR_RETURN(uint64_t taken,
                     sources::LoadRows(run.session.connection,
                                       {from.schema(), from.name(), table.columns}, next));
    loaded.rows += taken;
  }
  return loaded;
}

Status ReplaceOne(LogicalRun& run, const TableToReplace& table, Progress& progress) {
  ASSIGN_OR_RETURN(LoadedRows loaded, LoadColumns(run, table, progress));
  const format::LogicalTable& from = *table.from;
  run.report.CountBytes(from.schema(), from.name(), loaded.bytes);
  if (loaded.rows == from.rows()) return {};
  return Error{Code::kFailed,
               fmt::format("{}.{} took {} rows, and {} has {} of it", from.schema(), from.name(),
                           loaded.rows, run.contents.Describe(), from.rows()),
               ""};
}

Status RequireKeysLeadSomewhere(LogicalRun& run, const std::vector<TableToReplace>& tables) {
  for (const TableToReplace& table : tables) {
    ASSIGN_OR_RETURN(std::vector<std::string> dangling,
                     sources::FindDanglingKeys(run.session.connection, table.from->schema(),
                                               table.from->name()));
    if (dangling.empty()) continue;
    return Error{Code::kFailed, fmt::format("afterwards {}", fmt::join(dangling, ", ")),
                 "replace the other table in the same run: one --table for each"};
  }
  return {};
}

// All are emptied before one is filled, so that rows may refer to each other.
Status ReplaceAll(LogicalRun& run, const std::vector<TableToReplace>& tables, Progress& progress) {
  postgres::Connection& connection = run.session.connection;
  std::vector<sources::EmptiedTable> emptied;
  for (const TableToReplace& table : tables) {
    ASSIGN_OR_RETURN(
        sources::EmptiedTable one,
        sources::EmptiedTable::Make(connection, run.session.silent, table.from->schema(),
                                    table.from->name(), table.from->condition()));
    emptied.push_back(std::move(one));
  }
  for (const TableToReplace& table : tables) RETURN_IF_ERROR(ReplaceOne(run, table, progress));
  for (sources::EmptiedTable& one : emptied) RETURN_IF_ERROR(one.Finish());
  if (run.session.silent) RETURN_IF_ERROR(RequireKeysLeadSomewhere(run, tables));
  return {};
}

}  // namespace

TableToReplace PlanReplacing(const format::LogicalTable& from, sources::TargetTable target,
                             LogicalRestoreReport& report) {
  const std::string name = fmt::format("{}.{}", from.schema(), from.name());
  TableToReplace table{&from, std::move(target), {}};
  for (const std::string& column : from.columns()) {
    if (std::ranges::count(table.target.columns, column) > 0) {
      table.columns.push_back(column);
    } else {
      report.skipped.push_back(
          fmt::format("column {} of {}: the table there has none that takes values", column, name));
    }
  }
  for (const std::string& column : table.target.columns) {
    if (std::ranges::count(from.columns(), column) > 0) continue;
    report.warnings.push_back(fmt::format(
        "column {} of {} is not in the backup: every row gets its default", column, name));
  }
  return table;
}

Status ReplaceRows(LogicalRun& run, const std::vector<TableToReplace>& tables) {
  uint64_t bytes = 0;
  for (const TableToReplace& table : tables) bytes += table.from->bytes();
  Progress progress(run.options.progress, "restore", bytes);
  RETURN_IF_ERROR(sources::InTransaction(run.session.connection,
                                         [&] { return ReplaceAll(run, tables, progress); }));
  progress.Finish();
  for (const TableToReplace& table : tables) {
    for (const sources::SequenceValue& value :
         InBackup(run.contents.catalog(), table.target.sequences)) {
      RETURN_IF_ERROR(sources::AdvanceSequence(run.session.connection, value));
      ++run.report.sequences;
    }
  }
  return {};
}

std::vector<sources::SequenceValue> InBackup(const format::LogicalCatalog& catalog,
                                             const std::vector<sources::SequenceValue>& sequences) {
  std::vector<sources::SequenceValue> known;
  for (const format::LogicalSequence& sequence : catalog.sequences()) {
    const bool wanted = std::ranges::any_of(sequences, [&](const sources::SequenceValue& value) {
      return value.schema == sequence.schema() && value.name == sequence.name();
    });
    if (!wanted) continue;
    known.push_back(
        {sequence.schema(), sequence.name(), sequence.last_value(), sequence.is_called()});
  }
  return known;
}

}  // namespace pgcairn::commands
