#include <fmt/format.h>

#include <memory>

#include "cli/manifest_json.h"
#include "cli/verb.h"
#include "commands/list.h"
#include "util/log.h"

namespace pgcairn::cli {
namespace {

void PrintValue(const std::string& name, const Json& value) {
  if (value.is_string()) {
    fmt::print("{:<24} {}\n", name, value.get<std::string>());
  } else if (value.is_array() || value.is_object()) {
    fmt::print("{:<24} {}\n", name, value.empty() ? "none" : "");
    for (const auto& item : value.items()) {
      std::string label = value.is_object() ? item.key() + " = " : "";
      std::string text =
          item.value().is_string() ? item.value().get<std::string>() : item.value().dump();
      fmt::print("{:<24} {}{}\n", "", label, text);
    }
  } else {
    fmt::print("{:<24} {}\n", name, value.dump());
  }
}

int Run(const GlobalOptions& globals, const std::string& id) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  Result<commands::ShownBackup> backup = commands::Show(*settings, id);
  if (!backup.ok()) return Fail(globals, backup.error());
  for (const std::string& problem : backup->remarks.unreadable) {
    LogLine(LogLevel::kWarning, problem);
  }
  Json details = BackupDetails(backup->manifest, backup->remarks);
  if (globals.json) {
    PrintJson(details);
  } else {
    for (const auto& item : details.items()) PrintValue(item.key(), item.value());
  }
  return 0;
}

}  // namespace

void AddShow(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("show", "all that is known about one backup");
  auto id = std::make_shared<std::string>("latest");
  verb->add_option("BACKUP", *id, "a backup's id, or \"latest\"");
  verb->callback([&invocation, id] {
    invocation.run = [id](const GlobalOptions& globals) { return Run(globals, *id); };
  });
}

}  // namespace pgcairn::cli
