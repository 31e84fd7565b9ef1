// The log that a pgcairn of this configuration keeps: <storage.log_path>/pgcairn.log.
#pragma once

#include <string>

#include "config/settings.h"
#include "util/log.h"

namespace pgcairn::cli {

// From here on every message also goes into the log, which begins with `command_line`. The folder
// is made if need be. A log that cannot be kept stops nothing: it is a warning where log_path was
// set, and otherwise only `check` tells.
void BeginLog(const config::Settings& settings, LogLevel level, const std::string& command_line);

// The last line of this run.
void EndLog(LogLevel level, int exit_status, double seconds);

// The words of a command line as a person would type them. No option takes a secret.
std::string JoinWords(int argc, char** argv);

}  // namespace pgcairn::cli
