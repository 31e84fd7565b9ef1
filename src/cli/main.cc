#include <fmt/format.h>

#include <cstring>

#include "cli/exit_codes.h"
#include "cli/log_file.h"
#include "cli/verb.h"
#include "util/clock.h"

namespace pgcairn::cli {
namespace {

// Whether the command line means `wal fetch`, even when it cannot be understood: its exit status
// must never look like the end of WAL.
bool MeansWalFetch(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "wal") == 0) {
      for (int j = i + 1; j < argc; ++j) {
        if (std::strcmp(argv[j], "fetch") == 0) return true;
      }
    }
  }
  return false;
}

// For a command line that could not be understood, so that no option was set.
bool AsksForJson(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--output=json") == 0) return true;
    bool split = std::strcmp(argv[i], "--output") == 0 && i + 1 < argc;
    if (split && std::strcmp(argv[i + 1], "json") == 0) return true;
  }
  return false;
}

std::string ExitCodesText() {
  std::string text = "Exit status: 0 done";
  for (const ExitCode& entry : ExitCodes()) {
    text += fmt::format("\n  {:>2}  {}", entry.status, entry.meaning);
  }
  return text + "\n`wal fetch`: 0, 1 (the file is proven absent), or 200 + the number above";
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& globals) {
  app.add_option("--config", globals.config, "backup.config.json, or the folder that holds it")
      ->type_name("FILE");
  app.add_option("--cluster", globals.cluster, "the cluster in the repository")->type_name("NAME");
  app.add_option("--owner", globals.owner, "the user to become when started as root")
      ->type_name("USER");
  app.add_option_function<std::string>(
         "--output", [&globals](const std::string& form) { globals.json = form == "json"; },
         "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--no-progress", globals.no_progress, "show no progress");
  app.add_option("--log-level", globals.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
}

int Main(int argc, char** argv) {
  OpenStandardFiles();
  Harden();
  CLI::App app("pgcairn keeps PostgreSQL databases recoverable to any moment, and proves it.");
  Invocation invocation;
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "pgcairn 0.1.0");
  app.footer(ExitCodesText());
  AddGlobalOptions(app, invocation.globals);
  AddInit(app, invocation);
  AddCheck(app, invocation);
  AddBackup(app, invocation);
  AddList(app, invocation);
  AddShow(app, invocation);
  AddVerify(app, invocation);
  AddRestore(app, invocation);
  AddExport(app, invocation);
  AddWal(app, invocation);
  AddPrune(app, invocation);
  AddPin(app, invocation);
  AddKey(app, invocation);
  // CLI11 reports by exceptions; this is the only place where they arrive.
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version arrive here too.
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
    invocation.globals.json = AsksForJson(argc, argv);
    int status =
        Fail(invocation.globals, {Code::kUsage, error.what(), "--help says what is taken"});
    return MeansWalFetch(argc, argv) ? FetchStatusOf(Code::kUsage) : status;
  }
  GlobalOptions& globals = invocation.globals;
  globals.command_line = JoinWords(argc, argv);
  const double began = MonotonicSeconds();
  int status = invocation.run(globals);
  EndLog(globals.log_runs_at, status, MonotonicSeconds() - began);
  return status;
}

}  // namespace
}  // namespace pgcairn::cli

int main(int argc, char** argv) { return pgcairn::cli::Main(argc, argv); }
