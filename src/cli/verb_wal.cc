#include <memory>

#include "cli/exit_codes.h"
#include "cli/verb.h"
#include "commands/process.h"
#include "commands/wal.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

int Push(const GlobalOptions& globals, const std::string& path) {
  commands::InitWithoutTls();
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  Status pushed = commands::WalPush(*settings, path);
  return pushed.ok() ? 0 : Fail(globals, pushed.error());
}

int Fetch(const GlobalOptions& globals, const std::string& name, const std::string& destination) {
  commands::InitWithoutTls();
  Result<config::Settings> settings = Prepare(globals);
  Status fetched;
  if (settings.ok()) {
    fetched = commands::WalFetch(*settings, name, destination);
    if (fetched.ok()) return 0;
  } else {
    // Not "absent", whatever was not found.
    Error error = settings.error();
    if (error.code == Code::kNotFound) error.code = Code::kUsage;
    fetched = error;
  }
  // PostgreSQL asks for files that do not exist all the time: that is no error for a log.
  if (fetched.code() == Code::kNotFound) {
    LogDebug("{}", fetched.error().message);
  } else {
    Fail(globals, fetched.error());
  }
  return FetchStatusOf(fetched.code());
}

}  // namespace

void AddWal(CLI::App& app, Invocation& invocation) {
  CLI::App* wal = app.add_subcommand("wal", "archive_command and restore_command");
  wal->require_subcommand(1);
  auto path = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  auto destination = std::make_shared<std::string>();
  CLI::App* push = wal->add_subcommand("push", "archive one WAL file: archive_command, with %p");
  push->add_option("PATH", *path, "the file")->required();
  push->callback([&invocation, path] {
    invocation.globals.log_runs_at = LogLevel::kDebug;
    invocation.run = [path](const GlobalOptions& globals) { return Push(globals, *path); };
  });
  CLI::App* fetch =
      wal->add_subcommand("fetch", "bring one WAL file back: restore_command, with %f %p");
  fetch->add_option("NAME", *name, "the file's name")->required();
  fetch->add_option("DEST", *destination, "where to write it")->required();
  fetch->callback([&invocation, name, destination] {
    invocation.globals.log_runs_at = LogLevel::kDebug;
    invocation.run = [name, destination](const GlobalOptions& globals) {
      return Fetch(globals, *name, *destination);
    };
  });
}

}  // namespace pgcairn::cli
