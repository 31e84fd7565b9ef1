#include "commands/delta_takeover.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "commands/running_server.h"
#include "postgres/control_file.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

Status RemoveFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoError(errno, "removing", path);
  return {};
}

// As a server in single-user mode writes it, whose process nobody signals: pg_ctl stop refuses.
// Source: CreateLockFile in src/backend/utils/init/miscinit.c.
Status MakePidFile(const std::string& path, const std::string& data_directory) {
  Result<UniqueFd> fd = Open(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd.ok() && fd.code() == Code::kAlreadyExists) {
    return Error{Code::kRefused, fmt::format("a server was started in {} just now", data_directory),
                 "stop it first: pg_ctl stop, or systemctl stop postgresql"};
  }
  if (!fd.ok()) return fd.status();
  return WriteAll(fd->get(), AsBytes(fmt::format("-{}\n{}\n", ::getpid(), data_directory)), path);
}

}  // namespace

Status TakeFromServers(const std::string& data_directory) {
  const std::string control = data_directory + "/" + postgres::kControlFilePath;
  const std::string pid_file = data_directory + "/postmaster.pid";
  RETURN_IF_ERROR(RefuseRunningServer(data_directory));
  RETURN_IF_ERROR(RefuseLivePidFile(data_directory));
  RETURN_IF_ERROR(RemoveFile(pid_file));
  if (!Exists(control)) return {};
  RETURN_IF_ERROR(MakePidFile(pid_file, data_directory));
  // One that came between the question and the file.
  Status taken = RefuseRunningServer(data_directory);
  if (taken.ok()) taken = RemoveFile(control);
  if (taken.ok()) taken = FsyncDirectory(DirectoryOf(control));
  Status given_back = RemoveFile(pid_file);
  return taken.ok() ? given_back : taken;
}

}  // namespace pgcairn::commands
