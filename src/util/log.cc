#include "util/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <mutex>

#include "util/clock.h"
#include "util/file.h"

namespace pgcairn {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::mutex g_mutex;
// Appended to under g_mutex; lives as long as the process.
int g_file = -1;

const char* Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "?";
}

// A log that cannot be written must not stop a backup: whoever needs to see the line sees it on
// standard error. One write for a line keeps the lines of several processes apart.
void AppendToFile(LogLevel level, std::string_view line) {
  if (g_file < 0) return;
  std::string stamped =
      fmt::format("{} [{}] {}: {}\n", Timestamp::Now().ToIso(), ::getpid(), Name(level), line);
  [[maybe_unused]] ssize_t put = ::write(g_file, stamped.data(), stamped.size());
}

}  // namespace

void SetLogLevel(LogLevel level) { g_level = level; }
LogLevel GetLogLevel() { return g_level; }

Status OpenLogFile(const std::string& path) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoError(errno, "opening", path);
  std::lock_guard lock(g_mutex);
  if (g_file >= 0) ::close(g_file);
  g_file = fd;
  return {};
}

void LogLine(LogLevel level, std::string_view line) {
  std::lock_guard lock(g_mutex);
  if (level == LogLevel::kInfo) {
    fmt::print(stderr, "{}\n", line);
  } else {
    fmt::print(stderr, "{}: {}\n", Name(level), line);
  }
  AppendToFile(level, line);
}

void LogToFile(LogLevel level, std::string_view line) {
  if (level < GetLogLevel()) return;
  std::lock_guard lock(g_mutex);
  AppendToFile(level, line);
}

}  // namespace pgcairn
