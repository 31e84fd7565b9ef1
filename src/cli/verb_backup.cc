#include <fmt/format.h>

#include <memory>

#include "cli/backup_verification.h"
#include "cli/verb.h"
#include "commands/backup.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

struct Arguments {
  std::string type = "full";
  bool test = false;
  bool spread = false;
  std::string verify;
  std::string note;
};

Json ToJson(const commands::BackupReport& report) {
  return {{"backup_id", report.backup_id},
          {"type", "full"},
          {"test", report.test},
          {"start_lsn", report.start_lsn},
          {"stop_lsn", report.stop_lsn},
          {"timeline", report.timeline},
          {"files", report.files},
          {"bytes_read", report.bytes_read},
          {"bytes_stored", report.bytes_stored},
          {"packs", report.packs},
          {"pages_checked", report.pages_checked},
          {"pages_torn", report.pages_torn},
          {"bad_page_count", report.bad_page_count},
          {"bad_pages", report.bad_pages},
          {"notes", report.notes},
          {"seconds", report.seconds},
          {"copy_seconds", report.copy_seconds},
          {"wal_wait_seconds", report.wal_wait_seconds}};
}

void PrintText(const commands::BackupReport& report) {
  for (const std::string& note : report.notes) fmt::print("Note: {}\n", note);
  fmt::print("{} {}: {} files, {} read, {} {} in {} packs, {}\n",
             report.test ? "Trial backup" : "Backup", report.backup_id, report.files,
             FormatBytes(report.bytes_read), FormatBytes(report.bytes_stored),
             report.test ? "made and thrown away" : "stored", report.packs,
             FormatDuration(report.seconds));
  fmt::print("WAL from {} to {} on timeline {} is archived; {} pages checked\n", report.start_lsn,
             report.stop_lsn, report.timeline, report.pages_checked);
  if (report.test) fmt::print("--test: nothing was kept\n");
}

int Run(const GlobalOptions& globals, const Arguments& arguments) {
  if (arguments.type != "full") {
    return Fail(globals, {Code::kUsage, fmt::format("--type={} is not built yet", arguments.type),
                          "take a full backup: pgcairn backup --type=full"});
  }
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::BackupOptions options{arguments.test, !arguments.spread, arguments.note,
                                  ProgressFor(globals)};
  Result<commands::BackupReport> report = commands::Backup(*settings, options);
  if (!report.ok()) return Fail(globals, report.error());
  if (!globals.json) PrintText(*report);
  // Of a trial nothing was kept.
  BackupVerification verification(*settings, arguments.test ? "none" : arguments.verify,
                                  report->backup_id, options.progress);
  if (globals.json) {
    Json json = ToJson(*report);
    verification.AddTo(json);
    PrintJson(json);
  } else {
    verification.PrintText();
  }
  if (int status = verification.Status(); status != 0) return status;
  if (report->bad_page_count == 0) return 0;
  for (const std::string& page : report->bad_pages) {
    LogLine(LogLevel::kError, fmt::format("bad checksum: {}", page));
  }
  return Fail({},
              {Code::kCorruptPages,
               fmt::format("{} pages of the server fail their checksum; the backup {} holds them "
                           "as they are and does not count as good",
                           report->bad_page_count, report->backup_id),
               "restore the relations that were named from an older backup"});
}

}  // namespace

void AddBackup(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("backup", "take a backup of the running server");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("--type", arguments->type, "full")
      // Without a description, for --help names only what works.
      ->check(CLI::IsMember({"full", "incremental", "schema"}).description(""))
      ->type_name("TYPE");
  CLI::Option* test = verb->add_flag("--test", arguments->test, "do everything, keep nothing");
  BackupVerification::AddOption(*verb, arguments->verify)->excludes(test);
  verb->add_flag("--spread-checkpoint", arguments->spread,
                 "wait for a spread checkpoint instead of asking for one at once");
  verb->add_option("--note", arguments->note, "a text to keep with the backup");
  verb->callback([&invocation, arguments] {
    invocation.run = [arguments](const GlobalOptions& globals) { return Run(globals, *arguments); };
  });
}

}  // namespace pgcairn::cli
