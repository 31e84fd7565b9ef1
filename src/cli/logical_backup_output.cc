#include "cli/logical_backup_output.h"

#include <fmt/format.h>

#include "util/log.h"
#include "util/progress.h"

namespace pgcairn::cli {
namespace {

std::string TypeOf(const commands::LogicalBackupReport& report) {
  if (report.schema_only) return "schema";
  return report.incremental ? "incremental" : "full";
}

}  // namespace

Json ToJson(const commands::LogicalBackupReport& report) {
  return {{"backup_id", report.backup_id},
          {"method", "logical"},
          {"type", TypeOf(report)},
          {"base_backup_id", report.incremental ? Json(report.base_backup_id) : Json(nullptr)},
          {"test", report.test},
          {"database", report.database},
          {"snapshot_at", report.snapshot_at.ToIso()},
          {"tables", report.tables},
          {"rows", report.rows},
          {"bytes_read", report.bytes_read},
          {"chunks", report.chunks},
          {"chunks_new", report.chunks_new},
          {"bytes_stored", report.bytes_stored},
          {"data_bytes_stored", report.data_bytes_stored},
          {"metadata_bytes_stored", report.metadata_bytes_stored},
          {"bytes_compacted", report.bytes_compacted},
          {"packs", report.packs},
          {"workers", report.workers},
          {"left_out", report.left_out},
          {"seconds", report.seconds},
          {"copy_seconds", report.copy_seconds}};
}

void PrintText(const commands::LogicalBackupReport& report) {
  const std::string what = report.schema_only
                               ? "definitions, no rows"
                               : fmt::format("{} tables, {} rows", report.tables, report.rows);
  fmt::print("{} {}, {}, of the database {}: {}, {} read, {} {} in {} packs, {}\n",
             report.test ? "Trial backup" : "Backup", report.backup_id, TypeOf(report),
             report.database, what, FormatBytes(report.bytes_read),
             FormatBytes(report.bytes_stored), report.test ? "made and thrown away" : "stored",
             report.packs, FormatDuration(report.seconds));
  fmt::print("It is the state of {}, by the server's clock\n", report.snapshot_at.ToText());
  if (report.incremental) {
    fmt::print("Compared with {}: {} of {} chunks were new\n", report.base_backup_id,
               report.chunks_new, report.chunks);
  }
  if (report.test) fmt::print("--test: nothing was kept\n");
}

int StatusOf(const commands::LogicalBackupReport& report) {
  for (const std::string& line : report.left_out) LogWarning("not in the backup: {}", line);
  return 0;
}

}  // namespace pgcairn::cli
