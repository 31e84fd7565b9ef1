#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "cli/verb.h"
#include "commands/restore.h"
#include "util/file.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

struct Arguments {
  std::string type = "full";
  std::string source = "latest";
  std::string timestamp;
  std::string lsn;
  std::string xid;
  std::string name;
  bool immediate = false;
  bool exclusive = false;
  std::string timeline = "latest";
  std::string target_directory;
  std::vector<std::string> tablespace_map;
  std::string action = "promote";
  std::string archive_mode = "off";
  bool delta = false;
  bool test = false;
};

Error UsageError(std::string message, std::string hint) {
  return {Code::kUsage, std::move(message), std::move(hint)};
}

Result<uint32_t> ParseNumber(const std::string& text, std::string_view option) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return UsageError(fmt::format("{}={} is not a number", option, text), "write it in digits only");
}

Status SetKind(const Arguments& arguments, commands::RecoveryTarget& target) {
  if (!arguments.timestamp.empty()) {
    target.kind = commands::TargetKind::kTime;
    ASSIGN_OR_RETURN(target.time, ParseTimestamp(arguments.timestamp));
    LogInfo("Understood --timestamp as {}", target.time.ToText());
  }
  if (!arguments.lsn.empty()) {
    target.kind = commands::TargetKind::kLsn;
    auto lsn = postgres::ParseLsn(arguments.lsn);
    if (!lsn) {
      return UsageError(fmt::format("--lsn={} is not an LSN", arguments.lsn),
                        "write it as PostgreSQL does, such as 0/3000060");
    }
    target.lsn = *lsn;
  }
  if (!arguments.xid.empty()) {
    target.kind = commands::TargetKind::kXid;
    ASSIGN_OR_RETURN(target.xid, ParseNumber(arguments.xid, "--xid"));
  }
  if (!arguments.name.empty()) {
    target.kind = commands::TargetKind::kName;
    target.name = arguments.name;
  }
  if (arguments.immediate) target.kind = commands::TargetKind::kImmediate;
  return {};
}

Result<commands::RecoveryTarget> ToTarget(const Arguments& arguments) {
  commands::RecoveryTarget target;
  int given = (arguments.timestamp.empty() ? 0 : 1) + (arguments.lsn.empty() ? 0 : 1) +
              (arguments.xid.empty() ? 0 : 1) + (arguments.name.empty() ? 0 : 1) +
              (arguments.immediate ? 1 : 0);
  if (given > 1) {
    return UsageError("more than one recovery target is given",
                      "give one of --timestamp, --lsn, --xid, --name, --immediate");
  }
  if (arguments.type == "pitr" && given == 0) {
    return UsageError("--type=pitr needs a recovery target",
                      "give one of --timestamp, --lsn, --xid, --name, --immediate");
  }
  RETURN_IF_ERROR(SetKind(arguments, target));
  target.inclusive = !arguments.exclusive;
  if (arguments.timeline != "latest") {
    ASSIGN_OR_RETURN(uint32_t timeline, ParseNumber(arguments.timeline, "--timeline"));
    target.timeline = postgres::TimelineId{timeline};
  }
  return target;
}

Json ToJson(const commands::RestoreReport& report) {
  return {{"backup_id", report.backup_id},
          {"data_directory", report.data_directory},
          {"config_directory", report.config_directory},
          {"timeline", report.timeline},
          {"target", report.target},
          {"explanation", report.explanation},
          {"files", report.files},
          {"bytes", report.bytes},
          {"pages_compared", report.pages_compared},
          {"pages_written", report.pages_written},
          {"bytes_written", report.bytes_written},
          {"files_removed", report.files_removed},
          {"requests", report.requests},
          {"bytes_fetched", report.bytes_fetched},
          {"seconds", report.seconds},
          {"archive_mode", report.archives ? "preserve" : "off"},
          {"next_commands", report.next_commands}};
}

Json ToJson(const commands::RestoreTestReport& report) {
  Json json = ToJson(report.restore);
  json.erase("archive_mode");
  json.erase("next_commands");
  json["test"] = true;
  json["restore_seconds"] = report.restore_seconds;
  json["recovery_seconds"] = report.recovery_seconds;
  json["query_seconds"] = report.query_seconds;
  json["stop_seconds"] = report.stop_seconds;
  json["databases"] = Json::array();
  for (const auto& database : report.databases) {
    json["databases"].push_back({{"name", database.name}, {"relations", database.relations}});
  }
  return json;
}

void PrintText(const commands::RestoreReport& report) {
  fmt::print("Restored {} to {}: {} files, {}, {}\n", report.backup_id, report.data_directory,
             report.files, FormatBytes(report.bytes), FormatDuration(report.seconds));
  if (report.pages_compared > 0) {
    fmt::print("  compared {} pages with what was there, wrote {}; removed {} files\n",
               report.pages_compared, report.pages_written, report.files_removed);
  }
  fmt::print("  fetched {} in {} requests\n", FormatBytes(report.bytes_fetched), report.requests);
  fmt::print("The server will recover to {} on timeline {} when it is started:\n\n", report.target,
             report.timeline);
  for (const std::string& command : report.next_commands) fmt::print("  {}\n", command);
  if (report.archives) return;
  fmt::print(
      "\nIt archives no WAL and cannot be backed up, so that a copy does not disturb the "
      "original.\n"
      "Where it takes the original's place, restart it after\n\n"
      "  ALTER SYSTEM SET archive_mode = on;\n");
}

void PrintText(const commands::RestoreTestReport& report) {
  fmt::print("Trial restore of {} to {} on timeline {}\n", report.restore.backup_id,
             report.restore.target, report.restore.timeline);
  fmt::print("  restored {} files, {}: {}\n", report.restore.files,
             FormatBytes(report.restore.bytes), FormatDuration(report.restore_seconds));
  fmt::print("  recovered: {}\n", FormatDuration(report.recovery_seconds));
  for (const auto& database : report.databases) {
    fmt::print("  database {}: {} relations\n", database.name, database.relations);
  }
  fmt::print("  asked: {}, stopped: {}\n", FormatDuration(report.query_seconds),
             FormatDuration(report.stop_seconds));
  fmt::print("The backup can be restored. The trial was removed.\n");
}

template <typename Report>
int Finish(const GlobalOptions& globals, const Result<Report>& report) {
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(ToJson(*report));
  } else {
    PrintText(*report);
  }
  return 0;
}

int Run(const GlobalOptions& globals, const Arguments& arguments) {
  if (arguments.type == "table" || arguments.type == "schema") {
    return Fail(globals, UsageError(fmt::format("--type={} is not built yet", arguments.type),
                                    "restore everything with --type=full --target-dir=DIR and copy "
                                    "what you need from there"));
  }
  if (arguments.delta && arguments.test) {
    return Fail(globals, UsageError("--delta does not go with --test",
                                    "a trial restore goes to an empty place of its own"));
  }
  Result<commands::RecoveryTarget> target = ToTarget(arguments);
  if (!target.ok()) return Fail(globals, target.error());
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::RestoreOptions options;
  options.source = arguments.source;
  options.target = *target;
  if (!arguments.target_directory.empty()) {
    options.target_directory =
        AbsolutePath(arguments.target_directory, ToLoadOptions(globals).working_directory);
  }
  options.tablespace_map = arguments.tablespace_map;
  options.target_action = arguments.action;
  options.keep_archive_mode = arguments.archive_mode == "preserve";
  options.delta = arguments.delta;
  options.progress = ProgressFor(globals);
  if (arguments.test) return Finish(globals, commands::TestRestore(*settings, options));
  return Finish(globals, commands::Restore(*settings, options));
}

void AddTargets(CLI::App* verb, Arguments& arguments) {
  verb->add_option("--timestamp", arguments.timestamp, "a time; without an offset it is UTC");
  verb->add_option("--lsn", arguments.lsn, "a position in the log, such as 0/3000060");
  verb->add_option("--xid", arguments.xid, "a transaction");
  verb->add_option("--name", arguments.name, "a point named by pg_create_restore_point()");
  verb->add_flag("--immediate", arguments.immediate, "stop as soon as the backup is consistent");
  verb->add_flag("--exclusive", arguments.exclusive, "stop before the target, not after it");
  verb->add_option("--timeline", arguments.timeline, "a timeline's number, or \"latest\"");
}

}  // namespace

void AddRestore(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("restore", "bring a cluster back, to any moment");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("--type", arguments->type, "full or pitr")
      // Without a description, for --help names only what works.
      ->check(CLI::IsMember({"full", "pitr", "table", "schema"}).description(""))
      ->type_name("TYPE");
  verb->add_option("--source", arguments->source, "a backup's id, or \"latest\"");
  AddTargets(verb, *arguments);
  verb->add_option("--target-dir", arguments->target_directory,
                   "where to restore (default: the cluster's own data directory)");
  verb->add_flag("--delta", arguments->delta,
                 "where the cluster's files are already, also after an interrupted restore: fetch "
                 "only what differs, remove what the backup does not have. Without it the "
                 "directory must be empty");
  verb->add_option("--tablespace-map", arguments->tablespace_map, "OLD=NEW, for each tablespace");
  verb->add_option("--target-action", arguments->action, "what the server does at the target")
      ->check(CLI::IsMember({"promote", "pause", "shutdown"}));
  verb->add_option("--archive-mode", arguments->archive_mode,
                   "\"off\": the restored server archives nothing until told to; or \"preserve\"")
      ->check(CLI::IsMember({"off", "preserve"}));
  verb->add_flag("--test", arguments->test,
                 "restore to a temporary place, start a server there, ask it, remove all");
  verb->callback([&invocation, arguments] {
    invocation.run = [arguments](const GlobalOptions& globals) { return Run(globals, *arguments); };
  });
}

}  // namespace pgcairn::cli
