#include <fmt/format.h>

#include <memory>

#include "cli/exit_codes.h"
#include "cli/verb.h"
#include "cli/verify_output.h"
#include "commands/verify.h"

namespace pgcairn::cli {
namespace {

struct VerifyArguments {
  bool latest = false;
  bool all = false;
  bool only_new = false;
  std::string backup;
  bool without_key = false;
};

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
  PrintDamaged(report);
  for (const std::string& pack : report.healed) {
    fmt::print("{} is whole again and no longer recorded as damaged\n", pack);
  }
  if (report.only_new) {
    fmt::print(
        "{} new packs ({}) verified in {}, {} packs of earlier backups are there; {} pages "
        "checked\n",
        report.packs, FormatBytes(report.pack_bytes), FormatDuration(report.seconds),
        report.packs_present, report.pages_checked);
    return;
  }
  fmt::print("{} packs ({}) and {} WAL files ({}) verified in {}; {} pages checked\n", report.packs,
             FormatBytes(report.pack_bytes), report.wal_files, FormatBytes(report.wal_bytes),
             FormatDuration(report.seconds), report.pages_checked);
  if (report.orphan_packs > 0) {
    fmt::print("{} packs ({}) belong to no backup: a run goes on, or ended early\n",
               report.orphan_packs, FormatBytes(report.orphan_bytes));
  }
}

int RunVerify(const GlobalOptions& globals, const VerifyArguments& arguments) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::VerifyOptions options;
  if (arguments.latest || !arguments.backup.empty()) {
    options.scope = commands::VerifyOptions::Scope::kBackup;
    options.backup = arguments.latest ? "latest" : arguments.backup;
  }
  if (arguments.only_new) {
    options.scope = commands::VerifyOptions::Scope::kNew;
    if (options.backup.empty()) options.backup = "latest";
  }
  options.without_key = arguments.without_key;
  options.threads = static_cast<size_t>(settings->performance.jobs);
  options.progress = ProgressFor(globals);
  Result<commands::VerifyReport> report = commands::Verify(*settings, options);
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(VerifyJson(*report));
  } else {
    PrintText(*report);
  }
  if (report->good()) return 0;
  LogDamaged(*report);
  return StatusOf(Code::kDamaged);
}

}  // namespace

void AddVerify(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("verify", "prove that backups and archived WAL are whole");
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::Option* latest = verb->add_flag("--latest", arguments->latest,
                                       "the newest backup that holds rows and the WAL from it on");
  CLI::Option* backup =
      verb->add_option("--backup", arguments->backup, "one backup and the WAL from it on")
          ->type_name("ID");
  CLI::Option* all = verb->add_flag("--all", arguments->all, "everything (the default)");
  latest->excludes(backup)->excludes(all);
  backup->excludes(all);
  CLI::Option* only_new =
      verb->add_flag("--new", arguments->only_new,
                     "of that backup (default: the latest) only what its own run stored; no WAL");
  CLI::Option* without_key = verb->add_flag("--without-key", arguments->without_key,
                                            "check stored bytes only, where no key may be");
  only_new->excludes(all)->excludes(without_key);
  verb->callback([&invocation, arguments] {
    invocation.run = [arguments](const GlobalOptions& globals) {
      return RunVerify(globals, *arguments);
    };
  });
}

}  // namespace pgcairn::cli
