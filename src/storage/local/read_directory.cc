#include "storage/local/read_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "util/file.h"

namespace pgcairn::storage {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using UniqueDirectory = std::unique_ptr<DIR, CloseDirectory>;

// fdopendir takes a descriptor over: it gets a duplicate.
UniqueDirectory OpenStream(int directory_fd) {
  int duplicate = ::fcntl(directory_fd, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) return nullptr;
  UniqueDirectory stream(::fdopendir(duplicate));
  if (!stream) {
    int saved_errno = errno;
    ::close(duplicate);
    errno = saved_errno;
  }
  return stream;
}

}  // namespace

Result<std::vector<DirectoryEntry>> ReadDirectory(int directory_fd, const std::string& path,
                                                  bool (*wanted)(std::string_view name)) {
  UniqueDirectory stream = OpenStream(directory_fd);
  if (!stream) return ErrnoError(errno, "listing", path);
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(stream.get());
    if (found == nullptr) break;
    std::string_view name = found->d_name;
    if (name == "." || name == "..") continue;
    const bool unwanted = wanted != nullptr && !wanted(name);
    if (unwanted && found->d_type != DT_DIR && found->d_type != DT_UNKNOWN) continue;
    DirectoryEntry entry{std::string(name), {}};
    if (found->d_type == DT_DIR) {
      entry.info.st_mode = S_IFDIR;
    } else if (::fstatat(directory_fd, found->d_name, &entry.info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return ErrnoError(errno, "reading", path + "/" + entry.name);
    }
    if (unwanted && !S_ISDIR(entry.info.st_mode)) continue;
    entries.push_back(std::move(entry));
  }
  if (errno != 0) return ErrnoError(errno, "listing", path);
  return entries;
}

}  // namespace pgcairn::storage
