// Messages for people: one line each, on standard error and, when set, in a log file.
//
// Safe from every thread. Nothing secret may be passed in.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "util/result.h"

namespace pgcairn {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

void SetLogLevel(LogLevel level);
LogLevel GetLogLevel();
// Also appends every line, with its time (UTC) and process id, to `path` (created 0600).
Status OpenLogFile(const std::string& path);

// A line that OpenLogFile's file and standard error get, whatever the level; and one for the file
// alone, when there is one and the level is high enough.
void LogLine(LogLevel level, std::string_view line);
void LogToFile(LogLevel level, std::string_view line);

template <typename... Args>
void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (level >= GetLogLevel()) LogLine(level, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogDebug(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogWarning(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarning, format, std::forward<Args>(args)...);
}

}  // namespace pgcairn
