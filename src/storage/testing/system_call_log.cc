#include "storage/testing/system_call_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace pgcairn::storage {
namespace {

struct CallLog {
  std::string root;
  std::vector<std::string> calls;
};

// Null while nothing is recorded; each thread has its own, so other threads are not disturbed.
thread_local CallLog* active_log = nullptr;
thread_local size_t write_size_max = 0;  // 0: no limit

std::string Shorten(std::string_view path) {
  if (path == active_log->root) return ".";
  path.remove_prefix(active_log->root.size() + 1);
  bool unnamed = path.find('#') != std::string_view::npos;
  bool temporary = path.find(".tmp-") != std::string_view::npos;
  return unnamed || temporary ? "FILE" : std::string(path);
}

std::string PathOfDescriptor(int fd) {
  std::array<char, 4096> target;
  ssize_t size =
      ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), target.data(), target.size());
  return {target.data(), size < 0 ? 0 : static_cast<size_t>(size)};
}

bool IsBelowRoot(std::string_view path) {
  return path == active_log->root || path.starts_with(active_log->root + "/");
}

void NoteDescriptor(std::string_view what, int fd) {
  if (active_log == nullptr) return;
  std::string path = PathOfDescriptor(fd);
  if (IsBelowRoot(path)) active_log->calls.push_back(fmt::format("{} {}", what, Shorten(path)));
}

void NoteName(std::string_view what, int directory_fd, const char* leaf) {
  if (active_log == nullptr) return;
  std::string path = fmt::format("{}/{}", PathOfDescriptor(directory_fd), leaf);
  if (IsBelowRoot(path)) active_log->calls.push_back(fmt::format("{} {}", what, Shorten(path)));
}

}  // namespace

std::vector<std::string> CallsBelow(const std::string& root, const std::function<void()>& body) {
  CallLog log{root, {}};
  active_log = &log;
  body();
  active_log = nullptr;
  return std::move(log.calls);
}

void WithShortWrites(size_t bytes_max, const std::function<void()>& body) {
  write_size_max = bytes_max;
  body();
  write_size_max = 0;
}

}  // namespace pgcairn::storage

using pgcairn::storage::NoteDescriptor;
using pgcairn::storage::NoteName;
using pgcairn::storage::write_size_max;

// The names of the C library's parameters are reserved.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
extern "C" {

int fsync(int fd) {
  NoteDescriptor("fsync", fd);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

ssize_t writev(int fd, const iovec* parts, int count) {
  NoteDescriptor("write", fd);
  if (write_size_max > 0 && count > 0) {
    return ::write(fd, parts->iov_base, std::min(parts->iov_len, write_size_max));
  }
  return ::syscall(SYS_writev, fd, parts, count);
}

ssize_t getdents64(int fd, void* buffer, size_t size) noexcept {
  NoteDescriptor("peek", fd);
  return ::syscall(SYS_getdents64, fd, buffer, size);
}

int mkdirat(int directory_fd, const char* leaf, mode_t mode) noexcept {
  NoteName("mkdir", directory_fd, leaf);
  return static_cast<int>(::syscall(SYS_mkdirat, directory_fd, leaf, mode));
}

int linkat(int from_fd, const char* from, int directory_fd, const char* leaf, int flags) noexcept {
  NoteName("link FILE", directory_fd, leaf);
  return static_cast<int>(::syscall(SYS_linkat, from_fd, from, directory_fd, leaf, flags));
}

int renameat2(int from_fd, const char* from, int directory_fd, const char* leaf,
              unsigned flags) noexcept {
  NoteName("rename FILE", directory_fd, leaf);
  return static_cast<int>(::syscall(SYS_renameat2, from_fd, from, directory_fd, leaf, flags));
}

int unlinkat(int directory_fd, const char* leaf, int flags) noexcept {
  NoteName("unlink", directory_fd, leaf);
  return static_cast<int>(::syscall(SYS_unlinkat, directory_fd, leaf, flags));
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
