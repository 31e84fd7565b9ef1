#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/verb.h"
#include "commands/pin.h"

namespace pgcairn::cli {
namespace {

void PrintText(const commands::PinReport& report) {
  fmt::print("{} {}\n", report.backup_id,
             report.pinned ? "is pinned: no rule of retention removes it"
                           : "is not pinned: the rules of retention decide");
  if (!report.note.empty()) fmt::print("Note: {}\n", report.note);
}

int RunPin(const GlobalOptions& globals, const commands::PinRequest& request) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  Result<commands::PinReport> report = commands::Pin(*settings, request);
  if (!report.ok()) return Fail(globals, report.error());
  if (globals.json) {
    PrintJson(
        {{"backup_id", report->backup_id}, {"pinned", report->pinned}, {"note", report->note}});
  } else {
    PrintText(*report);
  }
  return 0;
}

}  // namespace

void AddPin(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("pin", "keep a backup whatever its age, with a note");
  auto request = std::make_shared<commands::PinRequest>();
  auto remove = std::make_shared<bool>(false);
  auto no_note = std::make_shared<bool>(false);
  verb->add_option("BACKUP", request->backup,
                   "a backup's id, or \"latest\": the newest that holds rows")
      ->required();
  CLI::Option* note = verb->add_option("--note", request->note, "a text to show with the backup")
                          ->type_name("TEXT");
  verb->add_flag("--no-note", *no_note, "take its text away")->excludes(note);
  verb->add_flag("--remove", *remove, "let the rules of retention decide again");
  verb->callback([&invocation, request, remove, no_note] {
    request->pinned = !*remove;
    if (*no_note) request->note = "";
    invocation.run = [request](const GlobalOptions& globals) { return RunPin(globals, *request); };
  });
}

}  // namespace pgcairn::cli
