#include "storage/local/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace pgcairn::storage {
namespace {

bool IsSymlink(int directory_fd, const char* name) {
  struct stat info {};
  return ::fstatat(directory_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
}

UniqueFd OpenComponent(int directory_fd, const std::string& name, int flags) {
  int fd = -1;
  do {
    fd = ::openat(directory_fd, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW);
  } while (fd < 0 && errno == EINTR);
  // With O_DIRECTORY the kernel calls a link "not a directory", which would read as proven absent.
  if (fd < 0 && errno == ENOTDIR) {
    errno = IsSymlink(directory_fd, name.c_str()) ? ELOOP : ENOTDIR;
  }
  return UniqueFd(fd);
}

}  // namespace

UniqueFd WalkBeneath(int directory_fd, const std::string& relative, int flags) {
  if (relative.empty()) return OpenComponent(directory_fd, ".", flags);
  UniqueFd parent;
  int parent_fd = directory_fd;
  size_t begin = 0;
  for (;;) {
    size_t slash = relative.find('/', begin);
    if (slash == std::string::npos) break;
    UniqueFd child =
        OpenComponent(parent_fd, relative.substr(begin, slash - begin), O_PATH | O_DIRECTORY);
    if (!child.valid()) return child;
    parent = std::move(child);
    parent_fd = parent.get();
    begin = slash + 1;
  }
  UniqueFd opened = OpenComponent(parent_fd, relative.substr(begin), flags);
  // Closing the parent must not disturb the errno that the caller reads.
  int saved_errno = errno;
  parent = UniqueFd();
  errno = saved_errno;
  return opened;
}

UniqueFd OpenBeneath(int directory_fd, const std::string& relative, int flags) {
  static std::atomic<bool> openat2_works = true;
  if (openat2_works.load(std::memory_order_relaxed)) {
    open_how how{};
    // Without O_NOFOLLOW, which would turn the ELOOP of a link at the end into ENOTDIR.
    how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    long fd = -1;
    do {
      fd = ::syscall(SYS_openat2, directory_fd, relative.empty() ? "." : relative.c_str(), &how,
                     sizeof how);
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    // Seccomp filters of older containers answer EPERM to system calls that they do not know.
    if (errno != ENOSYS && errno != EPERM) return UniqueFd();
    if (errno == ENOSYS) openat2_works.store(false, std::memory_order_relaxed);
  }
  return WalkBeneath(directory_fd, relative, flags);
}

}  // namespace pgcairn::storage
