// Files and directories of the host, with errors that name the path.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn {

// Owns a file descriptor; closes it when destroyed.
// Not for two threads at once.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Closes now and reports a failed close, which can be a failed write.
  Status Close(std::string_view path);

 private:
  int fd_ = -1;
};

// The error for a failed system call: code from errno (ENOENT kNotFound, EEXIST kAlreadyExists,
// ENOSPC/EDQUOT kNoSpace, EACCES/EPERM/EROFS kPermission, else kStorage), message
// "<doing> <path>: <text>".
Error ErrnoError(int saved_errno, std::string_view doing, std::string_view path);

// open(2) with O_CLOEXEC added. `mode` counts only with O_CREAT and is narrowed by the umask.
Result<UniqueFd> Open(const std::string& path, int flags, mode_t mode = 0600);

// The whole file; longer than `size_max` bytes is kStorage. Errors: kNotFound, kPermission,
// kStorage.
Result<Bytes> ReadFile(const std::string& path, uint64_t size_max);

// Reads until `out` is full or the file ends; returns the bytes read.
Result<size_t> ReadAt(int fd, std::span<uint8_t> out, uint64_t offset, std::string_view path);
Status WriteAll(int fd, ByteView bytes, std::string_view path);
Status WriteAt(int fd, ByteView bytes, uint64_t offset, std::string_view path);

Status FsyncFd(int fd, std::string_view path);
// Makes the names in `directory` durable.
Status FsyncDirectory(const std::string& directory);

// Replaces `path` in one step: temporary name beside it, fsync, rename, fsync of the directory.
// When this returns OK the new content is durable; on error the old content is untouched. `mode` is
// set exactly, whatever the umask. Not for two threads at once with one path.
Status WriteFileDurably(const std::string& path, ByteView bytes, mode_t mode = 0600);

// Creates `directory` and its missing parents with exactly `mode`, whatever the umask. Existing
// ones keep their mode. The names of those that it made are durable when it returns OK.
Status MakeDirectories(const std::string& directory, mode_t mode = 0700);

bool Exists(const std::string& path);

// `path` without "." and doubled slashes, made absolute against `base` (absolute) when relative.
std::string AbsolutePath(std::string_view path, std::string_view base);
// Everything before the last slash; "/" for names in the root, "." for a bare name.
std::string DirectoryOf(std::string_view path);
std::string FileNameOf(std::string_view path);

}  // namespace pgcairn
