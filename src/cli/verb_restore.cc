#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <optional>

#include "cli/logical_restore_output.h"
#include "cli/verb.h"
#include "commands/logical_drill.h"
#include "commands/logical_moment.h"
#include "commands/logical_restore.h"
#include "commands/restore.h"
#include "config/connection_text.h"
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
  std::string target_url;
  std::string database;
  std::vector<std::string> tables;
  std::string as;
  bool replace = false;
  bool create_roles = false;
  bool skip_extensions = false;
  bool dry_run = false;
};

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

bool NamesMoment(const Arguments& arguments) {
  return arguments.type == "pitr" || !arguments.timestamp.empty() || !arguments.lsn.empty() ||
         !arguments.xid.empty() || !arguments.name.empty() || arguments.immediate ||
         arguments.timeline != "latest";
}

// What is said of the place to restore to, and means nothing for a database.
Status RequireNoPhysicalOption(const Arguments& arguments) {
  const bool parts = arguments.type == "table" || arguments.type == "schema";
  const std::pair<bool, const char*> options[] = {
      {!arguments.target_directory.empty(), "--target-dir"},
      {arguments.delta, "--delta"},
      {!arguments.tablespace_map.empty(), "--tablespace-map"},
      {!parts && NamesMoment(arguments), "a moment"},
      {!parts && !arguments.database.empty(), "--database"}};
  for (const auto& [given, option] : options) {
    if (!given) continue;
    return UsageError(fmt::format("{} does not go with a restore into a database", option),
                      "a logical backup is that of one moment: choose one with --source=ID "
                      "(`pgcairn list`) and a database with --target-url=URL; a physical backup is "
                      "restored to a directory with --target-dir=DIR, and into a database single "
                      "tables of it (--type=table) or its definitions (--type=schema), at any "
                      "moment");
  }
  return {};
}

Status RequireNoLogicalOption(const Arguments& arguments) {
  const std::pair<bool, const char*> options[] = {{arguments.create_roles, "--create-roles"},
                                                  {!arguments.database.empty(), "--database"},
                                                  {arguments.skip_extensions, "--skip-extensions"},
                                                  {arguments.dry_run, "--dry-run"}};
  for (const auto& [given, option] : options) {
    if (!given) continue;
    return UsageError(fmt::format("{} goes with a restore into a database only", option),
                      "name the database with --target-url=URL");
  }
  return {};
}

Status RequireTablesAsTyped(const Arguments& arguments) {
  if (arguments.type == "table" && arguments.tables.empty()) {
    return UsageError("--type=table needs a table", "name it: --table=SCHEMA.NAME");
  }
  if (!arguments.as.empty() && (arguments.tables.size() > 1 || arguments.replace)) {
    return UsageError("--as makes one table under a name that nothing has",
                      "name one table, and leave --replace out");
  }
  if (arguments.type == "table" && arguments.skip_extensions) {
    return UsageError("--skip-extensions does not go with --type=table",
                      "a table's extensions must be there before it is restored");
  }
  if (arguments.type == "table") return {};
  if (!arguments.tables.empty() || !arguments.as.empty()) {
    return UsageError("--table and --as go with --type=table only", "add --type=table");
  }
  if (!arguments.replace) return {};
  return UsageError("--replace goes with --type=table only",
                    "a whole database is restored into an empty one, or beside what a service has "
                    "in it");
}

bool GoesToDatabase(const Arguments& arguments, const config::Settings& settings) {
  if (!arguments.target_url.empty()) return true;
  if (arguments.type == "table" || arguments.type == "schema") return true;
  return settings.cluster.method == config::Method::kLogical && arguments.target_directory.empty();
}

Status RequireNothingBesideTest(const Arguments& arguments) {
  if (arguments.type == "full" && arguments.target_url.empty() && !arguments.dry_run) return {};
  return UsageError("a trial restores everything, into a database that is made for it",
                    "--test goes with --source and --create-roles only; restore.test_url names a "
                    "server for it");
}

int RunLogicalTest(const GlobalOptions& globals, const Arguments& arguments,
                   const config::Settings& settings) {
  Status usage = RequireNothingBesideTest(arguments);
  if (!usage.ok()) return Fail(globals, usage.error());
  commands::LogicalTestOptions options;
  options.source = arguments.source;
  options.create_roles = arguments.create_roles;
  options.progress = ProgressFor(globals);
  Result<commands::LogicalTestReport> report = commands::TestLogicalRestore(settings, options);
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(LogicalTestJson(*report));
  } else {
    PrintLogicalTest(*report);
  }
  return 0;
}

int RunLogical(const GlobalOptions& globals, const Arguments& arguments,
               const commands::RecoveryTarget& target, const config::Settings& settings) {
  if (NamesMoment(arguments) && settings.cluster.method == config::Method::kLogical) {
    std::optional<Timestamp> moment;
    if (target.kind == commands::TargetKind::kTime) moment = target.time;
    return Fail(globals, commands::NoSuchMoment(settings, moment));
  }
  Status usage = RequireNoPhysicalOption(arguments);
  if (!usage.ok()) return Fail(globals, usage.error());
  if (arguments.test) return RunLogicalTest(globals, arguments, settings);
  if (config::ContainsPassword(arguments.target_url)) {
    LogWarning(
        "every user of this machine can see the password in --target-url: PGPASSWORD or ~/.pgpass "
        "keep it out of sight");
  }
  commands::LogicalRestoreOptions options;
  options.source = arguments.source;
  if (arguments.type == "table") options.scope = commands::LogicalScope::kTables;
  if (arguments.type == "schema") options.scope = commands::LogicalScope::kSchema;
  if (NamesMoment(arguments)) options.moment = target;
  options.source_database = arguments.database;
  options.target_url = arguments.target_url;
  options.tables = arguments.tables;
  options.as = arguments.as;
  options.replace = arguments.replace;
  options.create_roles = arguments.create_roles;
  options.skip_extensions = arguments.skip_extensions;
  options.dry_run = arguments.dry_run;
  options.progress = ProgressFor(globals);
  Result<commands::LogicalRestoreReport> report = commands::RestoreLogical(settings, options);
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(LogicalRestoreJson(*report));
  } else {
    PrintLogicalRestore(*report);
  }
  return 0;
}

int RunPhysical(const GlobalOptions& globals, const Arguments& arguments,
                const commands::RecoveryTarget& target, const config::Settings& settings) {
  Status usage = RequireNoLogicalOption(arguments);
  if (!usage.ok()) return Fail(globals, usage.error());
  commands::RestoreOptions options;
  options.source = arguments.source;
  options.target = target;
  if (!arguments.target_directory.empty()) {
    options.target_directory =
        AbsolutePath(arguments.target_directory, ToLoadOptions(globals).working_directory);
  }
  options.tablespace_map = arguments.tablespace_map;
  options.target_action = arguments.action;
  options.keep_archive_mode = arguments.archive_mode == "preserve";
  options.delta = arguments.delta;
  options.progress = ProgressFor(globals);
  if (arguments.test) return Finish(globals, commands::TestRestore(settings, options));
  return Finish(globals, commands::Restore(settings, options));
}

int Run(const GlobalOptions& globals, const Arguments& arguments) {
  if (arguments.delta && arguments.test) {
    return Fail(globals, UsageError("--delta does not go with --test",
                                    "a trial restore goes to an empty place of its own"));
  }
  Status tables = RequireTablesAsTyped(arguments);
  if (!tables.ok()) return Fail(globals, tables.error());
  Result<commands::RecoveryTarget> target = ToTarget(arguments);
  if (!target.ok()) return Fail(globals, target.error());
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  if (GoesToDatabase(arguments, *settings)) {
    return RunLogical(globals, arguments, *target, *settings);
  }
  return RunPhysical(globals, arguments, *target, *settings);
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

void AddDatabaseOptions(CLI::App* verb, Arguments& arguments) {
  verb->add_option("--target-url", arguments.target_url,
                   "a database to restore into, empty or a service's new one: a logical backup, or "
                   "with --type=table or --type=schema parts of any backup");
  verb->add_option("--database", arguments.database,
                   "with --type=table or --type=schema: which database of a physical backup")
      ->type_name("NAME");
  verb->add_option("--table", arguments.tables, "with --type=table: SCHEMA.NAME; may be repeated")
      ->type_name("TABLE");
  verb->add_option("--as", arguments.as,
                   "with one --table: the name of a new table for its rows, NAME or SCHEMA.NAME")
      ->type_name("TABLE");
  verb->add_flag("--replace", arguments.replace,
                 "with --type=table: put the backup's rows in the place of those that a table has");
  verb->add_flag("--create-roles", arguments.create_roles,
                 "make roles that the target server lacks; they cannot log in");
  verb->add_flag("--skip-extensions", arguments.skip_extensions,
                 "into a database: leave out extensions that it cannot have, and what needs them");
  verb->add_flag("--dry-run", arguments.dry_run,
                 "into a database: say what would be done and what not, and change nothing");
}

}  // namespace

void AddRestore(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("restore", "bring a cluster back, to any moment");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("--type", arguments->type,
                   "full or pitr; into a database also table, or schema for definitions alone")
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
  AddDatabaseOptions(verb, *arguments);
  verb->callback([&invocation, arguments] {
    invocation.run = [arguments](const GlobalOptions& globals) { return Run(globals, *arguments); };
  });
}

}  // namespace pgcairn::cli
