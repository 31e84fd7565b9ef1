#include "cli/log_file.h"

#include <fmt/format.h>

#include "util/file.h"
#include "util/shell_quoting.h"

namespace pgcairn::cli {

void BeginLog(const config::Settings& settings, LogLevel level, const std::string& command_line) {
  Status opened = MakeDirectories(settings.storage.log_path);
  if (opened.ok()) opened = OpenLogFile(settings.LogFile());
  if (opened.ok()) {
    LogToFile(level, command_line);
  } else if (settings.IsSet("storage.log_path")) {
    LogWarning("no log is kept: {}", opened.error().message);
  }
}

void EndLog(LogLevel level, int exit_status, double seconds) {
  LogToFile(level, fmt::format("ended with status {} after {:.1f} s", exit_status, seconds));
}

std::string JoinWords(int argc, char** argv) {
  std::string line = "pgcairn";
  for (int i = 1; i < argc; ++i) line += " " + QuoteForShell(argv[i]);
  return line;
}

}  // namespace pgcairn::cli
