#include "commands/server_check.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "commands/os_user.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

Status CheckOwner(const std::string& directory) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) {
    Error error = ErrnoError(errno, "looking at the data directory", directory);
    if (error.code == Code::kNotFound) {
      error.hint =
          "a physical backup runs on the server's host; for a container set "
          "cluster.data_directory to where the host sees the directory; without its files, set "
          "cluster.method to \"logical\"";
    }
    if (error.code == Code::kPermission) error.hint = "run pgcairn as the user that owns it";
    return error;
  }
  if (info.st_uid == ::geteuid()) return {};
  std::string owner = UserOf(info.st_uid).name;
  return Error{Code::kPermission,
               fmt::format("the data directory {} belongs to {}, pgcairn runs as {}", directory,
                           owner, UserOf(::geteuid()).name),
               fmt::format("run it as that user: sudo -u {} pgcairn ...", owner)};
}

}  // namespace

Result<postgres::Connection> Connect(const config::Settings& settings) {
  RETURN_IF_ERROR(settings.RequireConnection());
  return postgres::Connection::Open(std::string(settings.cluster.connection.Reveal()), "pgcairn");
}

Result<std::string> ProveDataDirectory(const config::Settings& settings,
                                       const postgres::ServerFacts& facts) {
  bool configured = !settings.cluster.data_directory.empty();
  std::string directory = configured ? settings.cluster.data_directory : facts.data_directory;
  RETURN_IF_ERROR(CheckOwner(directory));
  Result<postgres::ControlFileRead> control = postgres::ReadControlFile(directory);
  if (!control.ok()) {
    return std::move(control).Context("proving the data directory " + directory).error();
  }
  if (control->control.system_identifier != facts.system_identifier) {
    return Error{
        Code::kRefused,
        fmt::format("the data directory {} holds the cluster {}, but the connection leads to {}",
                    directory, control->control.system_identifier.value,
                    facts.system_identifier.value),
        configured ? "correct cluster.data_directory or cluster.connection"
                   : "set cluster.data_directory to where this host sees the server's directory"};
  }
  RETURN_IF_ERROR(RefuseRepositoryInside(settings.storage.local_path, directory));
  for (const postgres::Tablespace& tablespace : facts.tablespaces) {
    // A relative one is relative to the link.
    const std::string place = tablespace.location.starts_with('/')
                                  ? tablespace.location
                                  : fmt::format("{}/pg_tblspc/{}", directory, tablespace.oid);
    RETURN_IF_ERROR(RefuseRepositoryInside(settings.storage.local_path, place));
  }
  return directory;
}

Status CheckReadyForBackup(const postgres::ServerFacts& facts) {
  if (facts.in_recovery) {
    return Error{Code::kRefused, "the server is a standby", "connect to the primary"};
  }
  if (facts.archive_mode == "off") {
    return Error{
        Code::kRefused,
        "archive_mode is off: without WAL a copy of a running server cannot be restored",
        "put the lines that `pgcairn init` prints into postgresql.conf, or after a restore "
        "ALTER SYSTEM SET archive_mode = on, and restart the server"};
  }
  if (facts.archive_command.empty() && facts.archive_library.empty()) {
    return Error{Code::kRefused, "archive_command is empty",
                 "put the line that `pgcairn init` prints into postgresql.conf and reload"};
  }
  return {};
}

Status RefuseRepositoryInside(const std::string& repository, const std::string& directory) {
  std::error_code ignored;
  std::string inner = std::filesystem::weakly_canonical(repository, ignored).string();
  std::string outer = std::filesystem::weakly_canonical(directory, ignored).string();
  if (inner != outer && !inner.starts_with(outer + "/")) return {};
  return Error{Code::kRefused,
               fmt::format("the repository {} lies inside {}, which it is to protect", repository,
                           directory),
               "set storage.local_path (BACKUP_STORAGE_PATH) to a place outside, best on another "
               "disk"};
}

}  // namespace pgcairn::commands
