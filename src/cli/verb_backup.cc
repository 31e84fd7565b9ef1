#include <fmt/format.h>

#include <memory>

#include "cli/backup_verification.h"
#include "cli/logical_backup_output.h"
#include "cli/verb.h"
#include "commands/backup.h"
#include "commands/logical_backup.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

using cli::PrintText;
using cli::StatusOf;
using cli::ToJson;

struct BackupArguments {
  std::string type = "full";
  bool test = false;
  bool verify_unchanged = false;
  bool spread = false;
  std::string verify;
  std::string note;
};

Json ToJson(const commands::BackupReport& report) {
  return {{"backup_id", report.backup_id},
          {"type", report.incremental ? "incremental" : "full"},
          {"base_backup_id", report.incremental ? Json(report.base_backup_id) : Json(nullptr)},
          {"compare_reason", report.compare_reason},
          {"resumed_from", report.resumed_from.empty() ? Json(nullptr) : Json(report.resumed_from)},
          {"test", report.test},
          {"start_lsn", report.start_lsn},
          {"stop_lsn", report.stop_lsn},
          {"timeline", report.timeline},
          {"files", report.files},
          {"bytes_read", report.bytes_read},
          {"files_unchanged", report.files_unchanged},
          {"files_compared", report.files_compared},
          {"bytes_stored", report.bytes_stored},
          {"data_bytes_stored", report.data_bytes_stored},
          {"metadata_bytes_stored", report.metadata_bytes_stored},
          {"bytes_compacted", report.bytes_compacted},
          {"packs", report.packs},
          {"pages_read", report.pages_read},
          {"pages_changed", report.pages_changed},
          {"pages_stored", report.pages_stored},
          {"pages_compacted", report.pages_compacted},
          {"unseen_change_count", report.unseen_change_count},
          {"unseen_changes", report.unseen_changes},
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
  fmt::print("{} {}{}: {} files, {} read, {} {} in {} packs, {}\n",
             report.test ? "Trial backup" : "Backup", report.backup_id,
             report.incremental ? ", incremental" : ", full", report.files,
             FormatBytes(report.bytes_read), FormatBytes(report.bytes_stored),
             report.test ? "made and thrown away" : "stored", report.packs,
             FormatDuration(report.seconds));
  fmt::print("WAL from {} to {} on timeline {} is archived; {} pages checked\n", report.start_lsn,
             report.stop_lsn, report.timeline, report.pages_checked);
  if (report.incremental) {
    fmt::print("Compared with {}: {} files unchanged by their stamps, {} read; {} pages changed\n",
               report.base_backup_id, report.files_unchanged, report.files_compared,
               report.pages_changed);
  }
  if (report.pages_compacted > 0) {
    fmt::print("{} pages ({}) were stored afresh, so that old packs can go\n",
               report.pages_compacted, FormatBytes(report.bytes_compacted));
  }
  if (report.test) fmt::print("--test: nothing was kept\n");
}

// A backup that tells of something wrong at the server is stored, and no success.
int StatusOf(const commands::BackupReport& report) {
  for (const std::string& path : report.unseen_changes) {
    LogLine(LogLevel::kError, fmt::format("changed, but its size and times did not: {}", path));
  }
  for (const std::string& page : report.bad_pages) {
    LogLine(LogLevel::kError, fmt::format("bad checksum: {}", page));
  }
  if (report.bad_page_count > 0) {
    return Fail({},
                {Code::kCorruptPages,
                 fmt::format("{} pages of the server fail their checksum; the backup {} holds them "
                             "as they are and does not count as good",
                             report.bad_page_count, report.backup_id),
                 "restore the relations that were named from an older backup"});
  }
  if (report.unseen_change_count > 0) {
    return Fail({},
                {Code::kUnseenChanges,
                 fmt::format("{} files had changed although their size, times and inode had not; "
                             "the backup {} holds them as they are, incremental backups since "
                             "the last comparison may not",
                             report.unseen_change_count, report.backup_id),
                 "find out what writes to them behind the file system's back, and compare with "
                 "every backup until then: --verify-unchanged"});
  }
  return 0;
}

// Prints the report, and verifies the backup where that is asked for.
template <typename Report>
int Finish(const GlobalOptions& globals, const BackupArguments& arguments,
           const config::Settings& settings, const commands::BackupOptions& options,
           const Result<Report>& report) {
  if (!report.ok()) return Fail(globals, report.error());
  if (!globals.json) PrintText(*report);
  // Of a trial nothing was kept.
  BackupVerification verification(settings, arguments.test ? "none" : arguments.verify,
                                  report->backup_id, options.progress);
  if (globals.json) {
    Json json = ToJson(*report);
    verification.AddTo(json);
    PrintJson(json);
  } else {
    verification.PrintText();
  }
  if (int status = verification.Status(); status != 0) return status;
  return StatusOf(*report);
}

int RunBackup(const GlobalOptions& globals, const BackupArguments& arguments) {
  const bool incremental = arguments.type == "incremental";
  if (arguments.verify_unchanged && !incremental) {
    return Fail(globals, {Code::kUsage, "--verify-unchanged is for incremental backups",
                          "a full backup reads every file anyway; leave it out, or add "
                          "--type=incremental"});
  }
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  const bool logical = settings->cluster.method == config::Method::kLogical;
  if (logical && (arguments.verify_unchanged || arguments.spread)) {
    return Fail(globals, {Code::kUsage,
                          "--verify-unchanged and --spread-checkpoint are for backups of files, "
                          "and cluster.method is \"logical\"",
                          "leave them out"});
  }
  if (!logical && arguments.type == "schema") {
    return Fail(globals, {Code::kUsage,
                          "--type=schema is for backups of a database (cluster.method \"logical\")",
                          "a backup of files holds definitions and rows alike: pgcairn backup "
                          "--type=full"});
  }
  commands::BackupOptions options;
  options.incremental = incremental;
  options.schema_only = arguments.type == "schema";
  options.verify_unchanged = arguments.verify_unchanged;
  options.test = arguments.test;
  options.fast_checkpoint = !arguments.spread;
  options.note = arguments.note;
  options.progress = ProgressFor(globals);
  if (logical) {
    return Finish(globals, arguments, *settings, options,
                  commands::LogicalBackup(*settings, options));
  }
  return Finish(globals, arguments, *settings, options, commands::Backup(*settings, options));
}

}  // namespace

void AddBackup(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("backup", "take a backup of the running server");
  auto arguments = std::make_shared<BackupArguments>();
  verb->add_option("--type", arguments->type,
                   "full, or incremental: only what differs from the newest backup is stored; of a "
                   "database also schema: definitions without rows")
      ->check(CLI::IsMember({"full", "incremental", "schema"}).description(""))
      ->type_name("TYPE");
  verb->add_flag("--verify-unchanged", arguments->verify_unchanged,
                 "of an incremental backup: read every file, whatever its size and times say");
  CLI::Option* test = verb->add_flag("--test", arguments->test, "do everything, keep nothing");
  BackupVerification::AddOption(*verb, arguments->verify)->excludes(test);
  verb->add_flag("--spread-checkpoint", arguments->spread,
                 "wait for a spread checkpoint instead of asking for one at once");
  verb->add_option("--note", arguments->note, "a text to keep with the backup");
  verb->callback([&invocation, arguments] {
    invocation.run = [arguments](const GlobalOptions& globals) {
      return RunBackup(globals, *arguments);
    };
  });
}

}  // namespace pgcairn::cli
