#include "cli/verify_output.h"

#include <fmt/format.h>

#include "cli/manifest_json.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

Json TimeOrNull(const std::optional<Timestamp>& time) {
  return time ? Json(time->ToIso()) : Json(nullptr);
}

Json ToJson(const commands::LostPart& part) {
  return {{"timeline", part.timeline.value},
          {"system_identifier", std::to_string(part.system_identifier)},
          {"from", TimeOrNull(part.from)},
          {"from_lsn", part.from_lsn.ToText()},
          {"to", TimeOrNull(part.to)},
          {"to_lsn", part.to_lsn ? Json(part.to_lsn->ToText()) : Json(nullptr)}};
}

Json ToJson(const commands::DamagedObject& damaged) {
  Json lost = Json::array();
  for (const commands::LostPart& part : damaged.lost) lost.push_back(ToJson(part));
  return {{"object", damaged.object},    {"problem", damaged.problem},
          {"missing", damaged.missing},  {"copy_is_good", damaged.copy_is_good},
          {"backups", damaged.backups},  {"lost", lost},
          {"recorded", damaged.recorded}};
}

void PrintLost(const commands::LostPart& part) {
  fmt::print("      timeline {}: nothing after {} ({}) can be restored{}\n", part.timeline.value,
             part.from ? part.from->ToText() : "the start", part.from_lsn.ToText(),
             part.to ? fmt::format(" until {} ({})", part.to->ToText(), part.to_lsn->ToText())
                     : ": take a new backup");
}

void PrintDamaged(const commands::DamagedObject& damaged) {
  fmt::print("  {}{}\n      {}\n", damaged.missing ? "MISSING " : "DAMAGED ", damaged.object,
             damaged.problem);
  if (damaged.copy_is_good) fmt::print("      its copy is good: everything still works\n");
  for (const std::string& id : damaged.backups) {
    fmt::print("      the backup {} needs it\n", id);
  }
  for (const commands::LostPart& part : damaged.lost) PrintLost(part);
  if (damaged.recorded) {
    fmt::print("      recorded: the next backup stores again what it held\n");
  }
}

}  // namespace

Json VerifyJson(const commands::VerifyReport& report) {
  Json backups = Json::array();
  for (const commands::VerifiedBackup& backup : report.backups) {
    backups.push_back({{"backup_id", backup.backup_id},
                       {"good", backup.good},
                       {"files", backup.files},
                       {"bytes", backup.bytes},
                       {"bad_page_count", backup.bad_page_count}});
  }
  Json damaged = Json::array();
  for (const commands::DamagedObject& object : report.damaged) damaged.push_back(ToJson(object));
  Json windows = WindowsJson(report.windows);
  // Who looks at one backup's own objects cannot say what can be restored.
  auto of_all = [&](const Json& json) { return report.only_new ? Json(nullptr) : json; };
  return {{"ok", report.good()},
          {"cluster", report.cluster},
          {"with_key", report.with_key},
          {"backups", backups},
          {"damaged", damaged},
          {"warnings", report.warnings},
          {"packs", report.packs},
          {"pack_bytes", report.pack_bytes},
          {"pages_checked", report.pages_checked},
          {"wal_files", report.wal_files},
          {"wal_bytes", report.wal_bytes},
          {"orphan_packs", report.orphan_packs},
          {"orphan_bytes", report.orphan_bytes},
          {"recovery_windows", of_all(windows["windows"])},
          {"wal_gaps", of_all(windows["gaps"])},
          {"lost_histories", of_all(windows["lost_histories"])},
          {"only_new", report.only_new},
          {"packs_present", report.packs_present},
          {"healed", report.healed},
          {"seconds", report.seconds}};
}

void PrintDamaged(const commands::VerifyReport& report) {
  if (report.damaged.empty()) return;
  fmt::print("\n{} objects are damaged or missing\n\n", report.damaged.size());
  for (const commands::DamagedObject& damaged : report.damaged) PrintDamaged(damaged);
  fmt::print("\n");
}

void LogDamaged(const commands::VerifyReport& report) {
  for (const commands::DamagedObject& damaged : report.damaged) {
    LogLine(LogLevel::kError, damaged.problem);
  }
}

}  // namespace pgcairn::cli
