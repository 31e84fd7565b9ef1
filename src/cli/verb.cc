#include "cli/verb.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "cli/exit_codes.h"
#include "util/log.h"

namespace pgcairn::cli {

int Fail(const GlobalOptions& globals, const Error& error) {
  LogLine(LogLevel::kError, error.message);
  if (!error.hint.empty()) {
    fmt::print(stderr, "HINT: {}\n", error.hint);
    LogToFile(LogLevel::kError, "HINT: " + error.hint);
  }
  if (globals.json) {
    PrintJson({{"error",
                {{"code", NameOf(error.code)},
                 {"exit_status", StatusOf(error.code)},
                 {"message", error.message},
                 {"hint", error.hint}}}});
  }
  return StatusOf(error.code);
}

void PrintJson(const Json& json) {
  // File names need not be UTF-8: what is not becomes a replacement character.
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

Error UsageError(std::string message, std::string hint) {
  return {Code::kUsage, std::move(message), std::move(hint)};
}

ProgressStyle ProgressFor(const GlobalOptions& globals) {
  return globals.no_progress ? ProgressStyle::kNone : ProgressStyleForTerminal();
}

}  // namespace pgcairn::cli
