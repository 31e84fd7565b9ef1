#include <fmt/format.h>

#include <algorithm>

#include "cli/exit_codes.h"
#include "cli/manifest_json.h"
#include "cli/verb.h"
#include "commands/list.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

Json ToJson(const commands::ClusterList& list) {
  Json backups = Json::array();
  for (size_t i = 0; i < list.backups.size(); ++i) {
    backups.push_back(BackupSummary(list.backups[i], list.remarks[i]));
  }
  Json damaged = Json::array();
  for (const commands::DamagedBackup& backup : list.damaged) {
    damaged.push_back({{"backup_id", backup.backup_id}, {"problem", backup.problem}});
  }
  Json windows = WindowsJson(list.windows);
  return {{"cluster", list.cluster},     {"backups", backups},
          {"damaged", damaged},          {"recovery_windows", windows["windows"]},
          {"wal_gaps", windows["gaps"]}, {"lost_histories", windows["lost_histories"]}};
}

std::string RemarksText(const commands::BackupRemarks& remarks) {
  std::string text;
  if (remarks.verified_at) text += "  verified " + remarks.verified_at->ToText();
  if (!remarks.pinned) text += "  pinned or not: its notes cannot be read";
  if (remarks.pinned.value_or(false)) text += "  pinned";
  if (!remarks.note.empty()) text += "  " + remarks.note;
  return text;
}

bool IsLogicalBackup(const format::Manifest& manifest) {
  return manifest.method() == format::Manifest::LOGICAL;
}

std::string PlaceText(const format::Manifest& manifest) {
  if (!IsLogicalBackup(manifest)) return fmt::format("timeline {}", manifest.timeline());
  const bool rows = manifest.type() != format::Manifest::SCHEMA;
  return fmt::format("database {}{}", DatabaseOf(manifest), rows ? "" : ", definitions alone");
}

void PrintBackups(const commands::ClusterList& list) {
  fmt::print("Cluster {}\n\n", list.cluster);
  if (list.backups.empty()) {
    fmt::print("  {}\n", list.damaged.empty() ? "no backup yet: run `pgcairn backup`"
                                              : "no backup that can be read");
  }
  for (size_t i = 0; i < list.backups.size(); ++i) {
    const format::Manifest& manifest = list.backups[i];
    fmt::print("  {}  {}  {:>9} of data, {:>9} stored  {}{}{}\n", manifest.backup_id(),
               Timestamp{manifest.stop_time_us()}.ToText(), FormatBytes(manifest.stream_bytes()),
               FormatBytes(manifest.pack_bytes()), PlaceText(manifest),
               manifest.bad_page_count() == 0
                   ? ""
                   : fmt::format("  BAD: {} pages fail their checksum", manifest.bad_page_count()),
               RemarksText(list.remarks[i]));
  }
}

void PrintWindows(const commands::ClusterList& list) {
  const commands::ClusterWindows& windows = list.windows;
  fmt::print("\nRecovery window\n\n");
  if (windows.windows.empty()) {
    fmt::print("  {}\n", std::ranges::any_of(list.backups, IsLogicalBackup)
                             ? "none: the databases above can be restored as they were then"
                             : "nothing can be restored yet");
  }
  for (const commands::RecoveryWindow& window : windows.windows) {
    fmt::print("  timeline {}: from {} ({}) to {} ({})\n", window.timeline.value,
               window.from.ToText(), window.from_lsn.ToText(),
               window.to ? window.to->ToText() : "the same moment", window.to_lsn.ToText());
  }
  for (const commands::WalGap& gap : windows.gaps) {
    fmt::print("  GAP on timeline {}: {} segments are missing, {} to {}\n", gap.timeline.value,
               gap.segments, gap.first_missing, gap.last_missing);
  }
  for (const std::string& name : windows.lost_histories) {
    fmt::print("  LOST {}: where that timeline begins is not known\n", name);
  }
}

int RunList(const GlobalOptions& globals) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  Result<commands::ClusterList> list = commands::List(*settings);
  if (!list.ok()) return Fail(globals, list.error());
  if (globals.json) {
    PrintJson(ToJson(*list));
  } else {
    PrintBackups(*list);
    PrintWindows(*list);
  }
  for (const commands::BackupRemarks& remarks : list->remarks) {
    for (const std::string& problem : remarks.unreadable) LogLine(LogLevel::kWarning, problem);
  }
  if (list->damaged.empty()) return 0;
  for (const commands::DamagedBackup& backup : list->damaged) {
    LogLine(LogLevel::kError, backup.problem);
  }
  return Fail({}, {Code::kDamaged, fmt::format("{} backups cannot be read", list->damaged.size()),
                   "run `pgcairn verify`: it names all that is damaged, and what can be restored"});
}

}  // namespace

void AddList(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("list", "the backups, and which moments can be restored");
  verb->callback([&invocation] { invocation.run = RunList; });
}

}  // namespace pgcairn::cli
