#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "commands/open_cluster.h"
#include "commands/wal.h"
#include "postgres/lsn.h"
#include "repository/wal_store/wal_store.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

// Not made durable: PostgreSQL reads it at once, and fetches it again after a crash.
Status WriteInOneStep(const std::string& destination, ByteView bytes) {
  std::string temporary = fmt::format("{}.pgcairn-tmp.{}", destination, ::getpid());
  auto write = [&]() -> Status {
    ASSIGN_OR_RETURN(UniqueFd fd, Open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    RETURN_IF_ERROR(WriteAll(fd.get(), bytes, temporary));
    RETURN_IF_ERROR(fd.Close(temporary));
    if (::rename(temporary.c_str(), destination.c_str()) != 0) {
      return ErrnoError(errno, "renaming to", destination);
    }
    return {};
  };
  Status written = write();
  if (written.ok()) return {};
  ::unlink(temporary.c_str());
  Error error = written.error();
  // Only the archive may say that a file is absent.
  if (error.code == Code::kNotFound) error.code = Code::kStorage;
  return error;
}

}  // namespace

Status WalFetch(const config::Settings& settings, const std::string& name,
                const std::string& destination) {
  if (postgres::KindOfWalFile(name) == postgres::WalFileKind::kOther) {
    return Error{Code::kUsage, fmt::format("\"{}\" is not the name of a WAL file", name),
                 "restore_command passes %f, the name, and %p, the destination"};
  }
  Result<OpenedCluster> opened = OpenCluster(settings);
  if (!opened.ok()) {
    Error error = opened.error();
    if (error.code == Code::kNotFound) error.code = Code::kStorage;
    return error;
  }
  Result<format::ClusterHistory> system = CurrentSystem(*opened->cluster);
  if (!system.ok()) {
    Error error = system.error();
    if (error.code == Code::kNotFound) error.code = Code::kStorage;
    return error;
  }
  repository::WalStore wal(*opened->cluster, system->system_identifier());
  ASSIGN_OR_RETURN(repository::WalFile file, wal.Fetch(name));
  return WriteInOneStep(destination, file.bytes);
}

}  // namespace pgcairn::commands
