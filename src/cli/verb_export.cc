#include <fmt/format.h>

#include <memory>

#include "cli/verb.h"
#include "commands/export.h"
#include "util/file.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

constexpr char kStandardOutput[] = "-";

struct ExportArguments {
  std::string source = "latest";
  std::string format = "sql";
  std::string target_file;
  std::string target_directory;
  std::string roles_file;
};

Json ToJson(const commands::ExportReport& report) {
  return {{"backup_id", report.backup_id},
          {"database", report.database},
          {"encoding", report.encoding},
          {"format", report.format == commands::ExportFormat::kSql ? "sql" : "directory"},
          {"target", report.target},
          {"roles_file", report.roles_file.empty() ? Json(nullptr) : Json(report.roles_file)},
          {"tables", report.tables},
          {"rows", report.rows},
          {"large_objects", report.large_objects},
          {"sequences", report.sequences},
          {"left_out", report.left_out},
          {"warnings", report.warnings},
          {"next_commands", report.next_commands},
          {"seconds", report.seconds}};
}

void PrintText(const commands::ExportReport& report) {
  fmt::print("Wrote {} of the database {} to {}: {} tables, {} rows, {} large objects, {}\n",
             report.backup_id, report.database, report.target, report.tables, report.rows,
             report.large_objects, FormatDuration(report.seconds));
  if (report.roles_file.empty()) {
    fmt::print("Roles are not in it: owners and grants need them; --roles-file writes them\n");
  } else {
    fmt::print("The roles are in {}\n", report.roles_file);
  }
  fmt::print("To load it into a new database NEW, as a superuser:\n\n");
  for (const std::string& command : report.next_commands) fmt::print("  {}\n", command);
}

Status RequireTarget(const GlobalOptions& globals, const ExportArguments& arguments) {
  const bool directory = arguments.format == "directory";
  const std::string& wanted = directory ? arguments.target_directory : arguments.target_file;
  const std::string& other = directory ? arguments.target_file : arguments.target_directory;
  if (wanted.empty() || !other.empty()) {
    return UsageError(
        fmt::format("--format={} goes to {}", arguments.format,
                    directory ? "a directory" : "a file"),
        directory ? "name one that is not there yet: --target-dir=DIR"
                  : "name one that is not there yet: --target-file=FILE; - is standard output");
  }
  if (arguments.target_file == kStandardOutput && StandardOutputWasClosed()) {
    return UsageError("standard output is closed: the SQL would go nowhere",
                      "send it somewhere, or name a file: --target-file=FILE");
  }
  if (globals.json && arguments.target_file == kStandardOutput) {
    return UsageError("--output=json and the SQL cannot both go to standard output",
                      "leave one out");
  }
  return {};
}

int RunExport(const GlobalOptions& globals, const ExportArguments& arguments) {
  Status usage = RequireTarget(globals, arguments);
  if (!usage.ok()) return Fail(globals, usage.error());
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  auto absolute = [&](const std::string& path) {
    return path.empty() ? "" : AbsolutePath(path, ToLoadOptions(globals).working_directory);
  };
  const bool piped = arguments.target_file == kStandardOutput;
  commands::ExportOptions options;
  options.source = arguments.source;
  if (arguments.format == "directory") options.format = commands::ExportFormat::kDirectory;
  if (!piped) options.target = absolute(arguments.target_file + arguments.target_directory);
  options.roles_file = absolute(arguments.roles_file);
  options.progress = ProgressFor(globals);
  Result<commands::ExportReport> report = commands::Export(*settings, options);
  if (!report.ok()) return Fail(globals, report.error());
  for (const std::string& line : report->left_out) LogWarning("left out: {}", line);
  for (const std::string& warning : report->warnings) LogWarning("{}", warning);
  if (globals.json) {
    PrintJson(ToJson(*report));
  } else if (!piped) {
    PrintText(*report);
  }
  return 0;
}

}  // namespace

void AddExport(CLI::App& app, Invocation& invocation) {
  CLI::App* verb =
      app.add_subcommand("export", "write a logical backup for PostgreSQL's own programs to load");
  auto arguments = std::make_shared<ExportArguments>();
  verb->add_option("--source", arguments->source, "a backup's id, or \"latest\"");
  verb->add_option(
          "--format", arguments->format,
          "sql: one file for psql; directory: for pg_restore, which can load it in parallel")
      ->check(CLI::IsMember({"sql", "directory"}).description(""))
      ->type_name("FORMAT");
  verb->add_option("--target-file", arguments->target_file,
                   "of sql: a file that is not there yet; - is standard output")
      ->type_name("FILE");
  verb->add_option("--target-dir", arguments->target_directory,
                   "of directory: one that is not there yet")
      ->type_name("DIR");
  verb->add_option("--roles-file", arguments->roles_file,
                   "a file, not there yet, for the roles that own things and are granted things")
      ->type_name("FILE");
  verb->callback([&invocation, arguments] {
    invocation.run = [arguments](const GlobalOptions& globals) {
      return RunExport(globals, *arguments);
    };
  });
}

}  // namespace pgcairn::cli
