#include "util/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace pgcairn {
namespace {

// As PostgreSQL's fsync_fname_ext (src/common/file_utils.c) does it with directories: who may not
// read one cannot sync it, and some file systems do not know how.
Status FsyncWherePossible(const std::string& directory) {
  Result<UniqueFd> fd = Open(directory, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return fd.code() == Code::kPermission ? Status() : fd.status();
  if (::fsync(fd->get()) == 0 || errno == EINVAL || errno == EBADF) return {};
  return ErrnoError(errno, "making durable", directory);
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

Status UniqueFd::Close(std::string_view path) {
  int fd = std::exchange(fd_, -1);
  if (fd >= 0 && ::close(fd) != 0) return ErrnoError(errno, "closing", path);
  return {};
}

Error ErrnoError(int saved_errno, std::string_view doing, std::string_view path) {
  Code code = Code::kStorage;
  std::string hint;
  switch (saved_errno) {
    case ENOENT:
    case ENOTDIR:
      code = Code::kNotFound;
      break;
    case EEXIST:
      code = Code::kAlreadyExists;
      break;
    case ENOSPC:
    case EDQUOT:
      code = Code::kNoSpace;
      hint = "free some space there and run the command again";
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Code::kPermission;
      hint = "check the owner and mode of the path, and the user that runs pgcairn";
      break;
    default:
      break;
  }
  return {code, fmt::format("{} {}: {}", doing, path, std::generic_category().message(saved_errno)),
          hint};
}

Result<UniqueFd> Open(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return ErrnoError(errno, "opening", path);
  return UniqueFd(fd);
}

Result<Bytes> ReadFile(const std::string& path, uint64_t size_max) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDONLY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "reading", path);
  if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "reading", path);
  Bytes content;
  // Files in /proc say 0: read until the end whatever the size says.
  uint64_t step = info.st_size > 0 ? static_cast<uint64_t>(info.st_size) + 1 : 4096;
  uint64_t used = 0;
  for (;;) {
    content.resize(used + step);
    ASSIGN_OR_RETURN(size_t got,
                     ReadAt(fd.get(), std::span(content).subspan(used, step), used, path));
    used += got;
    if (used > size_max) {
      return Error{Code::kStorage,
                   fmt::format("reading {}: longer than the {} bytes it may have", path, size_max),
                   ""};
    }
    if (got < step) break;
  }
  content.resize(used);
  return content;
}

Result<size_t> ReadAt(int fd, std::span<uint8_t> out, uint64_t offset, std::string_view path) {
  size_t done = 0;
  while (done < out.size()) {
    ssize_t got =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "reading", path);
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

Status WriteAll(int fd, ByteView bytes, std::string_view path) {
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t put = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "writing", path);
    }
    done += static_cast<size_t>(put);
  }
  return {};
}

Status WriteAt(int fd, ByteView bytes, uint64_t offset, std::string_view path) {
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t put =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (put < 0) {
      if (errno == EINTR) continue;
      return ErrnoError(errno, "writing", path);
    }
    done += static_cast<size_t>(put);
  }
  return {};
}

Status FsyncFd(int fd, std::string_view path) {
  if (::fsync(fd) != 0) return ErrnoError(errno, "making durable", path);
  return {};
}

Status FsyncDirectory(const std::string& directory) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(directory, O_RDONLY | O_DIRECTORY));
  return FsyncFd(fd.get(), directory);
}

Status WriteFileDurably(const std::string& path, ByteView bytes, mode_t mode) {
  std::string temporary = fmt::format("{}.pgcairn-tmp.{}", path, ::getpid());
  auto write = [&]() -> Status {
    ASSIGN_OR_RETURN(UniqueFd fd, Open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    if (::fchmod(fd.get(), mode) != 0) return ErrnoError(errno, "setting the mode of", temporary);
    RETURN_IF_ERROR(WriteAll(fd.get(), bytes, temporary));
    RETURN_IF_ERROR(FsyncFd(fd.get(), temporary));
    RETURN_IF_ERROR(fd.Close(temporary));
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      return ErrnoError(errno, "renaming to", path);
    return FsyncDirectory(DirectoryOf(path));
  };
  Status written = write();
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

Status MakeDirectories(const std::string& directory, mode_t mode) {
  if (directory.empty() || directory == "/" || directory == ".") return {};
  if (Exists(directory)) return {};
  RETURN_IF_ERROR(MakeDirectories(DirectoryOf(directory), mode));
  if (::mkdir(directory.c_str(), mode) != 0) {
    if (errno == EEXIST) return {};
    return ErrnoError(errno, "creating directory", directory);
  }
  if (::chmod(directory.c_str(), mode) != 0) {
    return ErrnoError(errno, "setting the mode of", directory);
  }
  return FsyncWherePossible(DirectoryOf(directory));
}

bool Exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

std::string AbsolutePath(std::string_view path, std::string_view base) {
  std::filesystem::path full(path);
  if (full.is_relative()) full = std::filesystem::path(base) / full;
  std::string text = full.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

std::string DirectoryOf(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string FileNameOf(std::string_view path) {
  size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace pgcairn
