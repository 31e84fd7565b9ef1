#include "commands/running_server.h"

#include <fmt/format.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string_view>
#include <system_error>

#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr uint64_t kPidFileBytesMax = 16384;
constexpr char kStopHint[] = "stop it first: pg_ctl stop, or systemctl stop postgresql";

// Processes are called as the program was when it was started; up to PostgreSQL 15 some packages
// start it by its link "postmaster", and all its children are called so too.
bool IsServersName(std::string_view comm) {
  return comm.starts_with("postgres") || comm.starts_with("postmaster");
}

bool IsSamePlace(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error) && !error;
}

// Calls `on_server` with the process id and the working directory, which is the data directory
// (ChangeToDataDir in src/backend/utils/init/miscinit.c), of every process of a server that this
// user may look at.
Status ForEachServer(
    const std::function<Status(const std::string& pid, const std::string& cwd)>& on_server) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    std::string pid = entry.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code unreadable;
    std::string cwd = std::filesystem::read_symlink(entry.path() / "cwd", unreadable).string();
    if (unreadable) continue;
    Result<Bytes> comm = ReadFile(entry.path().string() + "/comm", 64);
    if (!comm.ok() || !IsServersName(AsText(*comm))) continue;
    RETURN_IF_ERROR(on_server(pid, cwd));
  }
  return {};
}

bool Uses(const std::string& data_directory, const std::string& place) {
  if (IsSamePlace(data_directory + "/pg_wal", place)) return true;
  std::error_code error;
  for (const auto& link :
       std::filesystem::directory_iterator(data_directory + "/pg_tblspc", error)) {
    if (IsSamePlace(link.path(), place)) return true;
  }
  return false;
}

}  // namespace

Status RefuseRunningServer(const std::string& data_directory) {
  std::error_code error;
  std::string wanted = std::filesystem::weakly_canonical(data_directory, error).string();
  return ForEachServer([&](const std::string& pid, const std::string& cwd) -> Status {
    if (cwd != wanted && cwd != wanted + " (deleted)" && !IsSamePlace(cwd, wanted)) return {};
    return Error{
        Code::kRefused,
        fmt::format("a PostgreSQL server (process {}) still runs in {}", pid, data_directory),
        kStopHint};
  });
}

Status RefuseLivePidFile(const std::string& data_directory) {
  const std::string path = data_directory + "/postmaster.pid";
  Result<Bytes> content = ReadFile(path, kPidFileBytesMax);
  if (!content.ok()) {
    return content.code() == Code::kNotFound ? Status() : content.status();
  }
  // Negative for a server in single-user mode. Source: CreateLockFile in
  // src/backend/utils/init/miscinit.c, which also says why EPERM is no server of this directory.
  std::string_view line = AsText(*content);
  line = line.substr(0, line.find('\n'));
  int pid = 0;
  std::from_chars(line.data(), line.data() + line.size(), pid);
  pid = std::abs(pid);
  if (pid <= 1 || pid == ::getpid() || ::kill(pid, 0) != 0) return {};
  return Error{
      Code::kRefused, fmt::format("{} names process {}, which runs", path, pid),
      fmt::format("{}; if process {} is no PostgreSQL server, remove {}", kStopHint, pid, path)};
}

Status RefuseUsedByServer(const std::string& place) {
  return ForEachServer([&](const std::string& pid, const std::string& cwd) -> Status {
    if (!Uses(cwd, place)) return {};
    return Error{Code::kRefused,
                 fmt::format("{} belongs to the PostgreSQL server that runs in {} (process {})",
                             place, cwd, pid),
                 "the directory to restore is a copy whose links lead to that server's files: "
                 "remove the links, or restore into an empty directory"};
  });
}

}  // namespace pgcairn::commands
