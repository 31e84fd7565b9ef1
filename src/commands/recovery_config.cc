#include "commands/recovery_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <climits>

#include "util/shell_quoting.h"

namespace pgcairn::commands {
namespace {

// Left in the file, they would contradict the new ones: "multiple recovery targets specified".
bool IsReplaced(std::string_view name, bool keep_archive_mode) {
  static constexpr std::array<std::string_view, 4> kNames{
      "restore_command", "recovery_end_command", "archive_cleanup_command", "promote_trigger_file"};
  if (name.starts_with("recovery_target")) return true;
  if (name == "archive_mode" && !keep_archive_mode) return true;
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::string SettingName(std::string_view line) {
  size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  size_t end = line.find_first_of(" \t=", begin);
  std::string name(line.substr(begin, end == std::string_view::npos ? end : end - begin));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

struct TargetSetting {
  std::string_view name;  // empty: there is no target
  std::string value;
};

TargetSetting SettingOf(const RecoveryTarget& target) {
  switch (target.kind) {
    case TargetKind::kLatest:
      break;
    case TargetKind::kTime:
      return {"recovery_target_time", target.time.ToText()};
    case TargetKind::kLsn:
      return {"recovery_target_lsn", target.lsn.ToText()};
    case TargetKind::kXid:
      return {"recovery_target_xid", std::to_string(target.xid)};
    case TargetKind::kName:
      return {"recovery_target_name", target.name};
    case TargetKind::kImmediate:
      return {"recovery_target", "immediate"};
  }
  return {};
}

// All of them, for any that is not said here counts as postgresql.conf and what that includes say.
// The wanted target comes last: after it, an empty other one is an error too.
// Source: assign_recovery_target_time in src/backend/access/transam/xlogrecovery.c (xlog.c
// before 15).
std::string TargetLines(const RecoveryPlan& plan, std::string_view action) {
  static constexpr std::array<std::string_view, 5> kTargets{
      "recovery_target", "recovery_target_name", "recovery_target_time", "recovery_target_xid",
      "recovery_target_lsn"};
  std::string lines;
  auto set = [&](std::string_view name, std::string_view value) {
    lines += fmt::format("{} = {}\n", name, QuoteSetting(value));
  };
  const TargetSetting wanted = SettingOf(plan.target);
  for (std::string_view name : kTargets) {
    if (name != wanted.name) set(name, "");
  }
  if (!wanted.name.empty()) set(wanted.name, wanted.value);
  set("recovery_target_inclusive", plan.target.inclusive ? "true" : "false");
  // By its number PostgreSQL takes a timeline only with its history file, and an archive that began
  // on a later timeline has none for it.
  bool stays = plan.timeline.value == plan.manifest.timeline();
  set("recovery_target_timeline", stays ? "current" : std::to_string(plan.timeline.value));
  set("recovery_target_action", action);
  return lines;
}

// PostgreSQL replaces %f, %p and %r in its commands; a percent sign of a path is doubled.
std::string EscapePercent(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '%') escaped += '%';
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::string QuoteSetting(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

std::string RewriteAutoConf(std::string_view auto_conf, const RecoveryPlan& plan,
                            const RecoverySettings& settings) {
  std::string out;
  while (!auto_conf.empty()) {
    size_t newline = auto_conf.find('\n');
    std::string_view line = auto_conf.substr(0, newline);
    auto_conf.remove_prefix(newline == std::string_view::npos ? auto_conf.size() : newline + 1);
    if (IsReplaced(SettingName(line), settings.keep_archive_mode)) continue;
    out += line;
    out += '\n';
  }
  out += fmt::format("# Written by pgcairn for the restore of {}\n", plan.manifest.backup_id());
  out += fmt::format("restore_command = {}\n", QuoteSetting(settings.restore_command));
  out += TargetLines(plan, settings.action);
  if (!settings.keep_archive_mode) out += "archive_mode = 'off'\n";
  return out;
}

Result<std::string> WalCommand(const config::Settings& settings, std::string_view arguments) {
  std::array<char, PATH_MAX> program{};
  ssize_t length = ::readlink("/proc/self/exe", program.data(), program.size());
  if (length <= 0) return Error{Code::kFailed, "the path of this program cannot be read", ""};
  std::string command =
      QuoteForShell(EscapePercent(std::string_view(program.data(), static_cast<size_t>(length))));
  if (!settings.config_file.empty()) {
    command += " " + QuoteForShell(EscapePercent("--config=" + settings.config_file));
  }
  if (settings.cluster.name != "main") {
    command += " " + QuoteForShell("--cluster=" + settings.cluster.name);
  }
  return command + " wal " + std::string(arguments);
}

}  // namespace pgcairn::commands
