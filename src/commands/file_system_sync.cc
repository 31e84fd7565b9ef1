#include "commands/file_system_sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace pgcairn::commands {

Result<FileSystemSync> FileSystemSync::Begin(const std::string& directory) {
  std::string existing = directory;
  for (;;) {
    Result<UniqueFd> fd = Open(existing, O_RDONLY | O_DIRECTORY);
    if (fd.ok()) return FileSystemSync(std::move(*fd), directory);
    if (fd.code() == Code::kPermission) return FileSystemSync(UniqueFd(), directory);
    if (fd.code() != Code::kNotFound || existing == "/") return fd.error();
    existing = DirectoryOf(existing);
  }
}

Status FileSystemSync::Finish() {
  if (!fd_.valid()) {
    if (!Exists(directory_)) return {};
    ASSIGN_OR_RETURN(fd_, Open(directory_, O_RDONLY | O_DIRECTORY));
  }
  if (::syncfs(fd_.get()) != 0) return ErrnoError(errno, "making durable", directory_);
  return {};
}

}  // namespace pgcairn::commands
