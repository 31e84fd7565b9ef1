#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "cli/manifest_json.h"
#include "cli/verb.h"
#include "commands/list.h"
#include "util/log.h"
#include "util/progress.h"

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

// The largest, for people.
Json TablesInShort(const format::LogicalCatalog& catalog) {
  constexpr size_t kShown = 20;
  std::vector<const format::LogicalTable*> tables;
  for (const format::LogicalTable& table : catalog.tables()) tables.push_back(&table);
  std::ranges::stable_sort(tables, std::ranges::greater(),
                           [](const format::LogicalTable* table) { return table->bytes(); });
  Json lines = Json::array();
  for (const format::LogicalTable* table : tables) {
    if (lines.size() == kShown) {
      lines.push_back(
          fmt::format("and {} smaller ones: --output=json shows all", tables.size() - kShown));
      break;
    }
    lines.push_back(fmt::format("{}.{}: {} rows, {}", table->schema(), table->name(), table->rows(),
                                FormatBytes(table->bytes())));
  }
  return lines;
}

int RunShow(const GlobalOptions& globals, const std::string& id) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  Result<commands::ShownBackup> backup = commands::Show(*settings, id);
  if (!backup.ok()) return Fail(globals, backup.error());
  for (const std::string& problem : backup->remarks.unreadable) {
    LogLine(LogLevel::kWarning, problem);
  }
  if (!backup->catalog_problem.empty()) LogLine(LogLevel::kWarning, backup->catalog_problem);
  Json details = BackupDetails(*backup);
  if (globals.json) {
    PrintJson(details);
  } else {
    if (backup->catalog) details["tables"] = TablesInShort(*backup->catalog);
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
    invocation.run = [id](const GlobalOptions& globals) { return RunShow(globals, *id); };
  });
}

}  // namespace pgcairn::cli
