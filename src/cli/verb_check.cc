#include <fmt/format.h>

#include "cli/exit_codes.h"
#include "cli/verb.h"
#include "commands/check.h"

namespace pgcairn::cli {
namespace {

const char* Word(commands::Severity severity) {
  switch (severity) {
    case commands::Severity::kOk:
      return "ok";
    case commands::Severity::kWarning:
      return "warning";
    case commands::Severity::kError:
      return "error";
  }
  return "";
}

Json ToJson(const commands::CheckReport& report) {
  Json findings = Json::array();
  for (const commands::Finding& finding : report.findings) {
    findings.push_back({{"subject", finding.subject},
                        {"severity", Word(finding.severity)},
                        {"message", finding.message},
                        {"remedy", finding.remedy}});
  }
  return {{"ok", !report.HasErrors()}, {"findings", findings}};
}

int RunCheck(const GlobalOptions& globals) {
  Result<config::Settings> settings = Prepare(globals);
  if (!settings.ok()) return Fail(globals, settings.error());
  commands::CheckReport report = commands::Check(*settings);
  if (globals.json) {
    PrintJson(ToJson(report));
  } else {
    for (const commands::Finding& finding : report.findings) {
      fmt::print("{:<8} {:<15} {}\n", Word(finding.severity), finding.subject, finding.message);
      if (!finding.remedy.empty()) fmt::print("{:<24} -> {}\n", "", finding.remedy);
    }
  }
  return report.HasErrors() ? StatusOf(Code::kFailed) : 0;
}

}  // namespace

void AddCheck(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "check", "examine configuration, repository, key, server and archiving, and say what to do");
  verb->callback([&invocation] { invocation.run = RunCheck; });
}

}  // namespace pgcairn::cli
