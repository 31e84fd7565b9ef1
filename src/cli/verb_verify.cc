#include <fmt/format.h>

#include <memory>

#include "cli/exit_codes.h"
#include "cli/manifest_json.h"
#include "cli/verb.h"
#include "commands/verify.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

struct Arguments {
  bool latest = false;
  bool all = false;
  std::string backup;
  bool without_key = false;
};

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
  return {{"object", damaged.object},   {"problem", damaged.problem},
          {"missing", damaged.missing}, {"copy_is_good", damaged.copy_is_good},
          {"backups", damaged.backups}, {"lost", lost}};
}

Json ToJson(const commands::VerifyReport& report) {
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
          {"recovery_windows", windows["windows"]},
          {"wal_gaps", windows["gaps"]},
          {"lost_histories", windows["lost_histories"]},
          {"seconds", report.seconds}};
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
}

void PrintText(const commands::VerifyReport& report) {
  if (!report.with_key) {
    fmt::print("Without a key: only stored bytes were checked, not what is sealed in them\n");
  }
  for (const std::string& warning : report.warnings) fmt::print("Warning: {}\n", warning);
  for (const commands::VerifiedBackup& backup : report.backups) {
    std::string content =
        report.with_key ? fmt::format("  {} files, {}", backup.files, FormatBytes(backup.bytes))
                        : std::string();
    fmt::print("Backup {}: {}{}\n", backup.backup_id, backup.good ? "good" : "DAMAGED", content);
  }
  if (!report.damaged.empty()) {
    fmt::print("\n{} objects are damaged or missing\n\n", report.damaged.size());
    for (const commands::DamagedObject& damaged : report.damaged) PrintDamaged(damaged);
    fmt::print("\n");
  }
  fmt::print("{} packs ({}) and {} WAL files ({}) verified in {}; {} pages checked\n", report.packs,
             FormatBytes(report.pack_bytes), report.wal_files, FormatBytes(report.wal_bytes),
             FormatDuration(report.seconds), report.pages_checked);
  if (report.orphan_packs > 0) {
    fmt::print("{} packs ({}) belong to no backup: a run goes on, or ended early\n",
               report.orphan_packs, FormatBytes(report.orphan_bytes));
  }
}

int Run(const GlobalOptions& globals, const Arguments& arguments) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::VerifyOptions options;
  if (arguments.latest || !arguments.backup.empty()) {
    options.scope = commands::VerifyOptions::Scope::kBackup;
    options.backup = arguments.latest ? "latest" : arguments.backup;
  }
  options.without_key = arguments.without_key;
  options.threads = static_cast<size_t>(settings->performance.jobs);
  options.progress = ProgressFor(globals);
  Result<commands::VerifyReport> report = commands::Verify(*settings, options);
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(ToJson(*report));
  } else {
    PrintText(*report);
  }
  if (report->good()) return 0;
  for (const commands::DamagedObject& damaged : report->damaged) {
    LogLine(LogLevel::kError, damaged.problem);
  }
  return StatusOf(Code::kDamaged);
}

}  // namespace

void AddVerify(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("verify", "prove that backups and archived WAL are whole");
  auto arguments = std::make_shared<Arguments>();
  CLI::Option* latest =
      verb->add_flag("--latest", arguments->latest, "the newest backup and the WAL from it on");
  CLI::Option* backup =
      verb->add_option("--backup", arguments->backup, "one backup and the WAL from it on")
          ->type_name("ID");
  CLI::Option* all = verb->add_flag("--all", arguments->all, "everything (the default)");
  latest->excludes(backup)->excludes(all);
  backup->excludes(all);
  verb->add_flag("--without-key", arguments->without_key,
                 "check stored bytes only, where no key may be");
  verb->callback([&invocation, arguments] {
    invocation.run = [arguments](const GlobalOptions& globals) { return Run(globals, *arguments); };
  });
}

}  // namespace pgcairn::cli
