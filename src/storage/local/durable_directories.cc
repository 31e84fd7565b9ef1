#include "storage/local/durable_directories.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "storage/local/beneath.h"
#include "storage/local/publish.h"

namespace pgcairn::storage {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY;

// Temporary files prove nothing: only names that do not begin with '.' count. A few names are
// enough, whatever the size of the directory.
Result<bool> HoldsAName(int directory_fd, const std::string& path) {
  alignas(dirent64) std::array<char, 2048> buffer;
  for (;;) {
    ssize_t size = ::getdents64(directory_fd, buffer.data(), buffer.size());
    if (size < 0) return PutError(errno, "reading directory", path);
    if (size == 0) return false;
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      if (entry->d_name[0] != '.') return true;
      at += entry->d_reclen;
    }
  }
}

// True when this call made it.
Result<bool> MakeOne(int parent_fd, const std::string& leaf, const std::string& path) {
  if (::mkdirat(parent_fd, leaf.c_str(), kDirectoryMode) != 0) {
    if (errno == EEXIST) return false;
    return PutError(errno, "creating directory", path);
  }
  // The umask may have taken rights of the owner; a parent's set-group-id bit is inherited.
  if (::fchmodat(parent_fd, leaf.c_str(), kDirectoryMode, 0) != 0) {
    return PutError(errno, "setting the mode of", path);
  }
  return true;
}

Error OpenError(int saved_errno, const std::string& path) {
  Error error = PutError(saved_errno, "opening directory", path);
  if (saved_errno == ENOTDIR) {
    error.code = Code::kRefused;
    error.hint = "an object has the name of this directory: no name may be both";
  }
  return error;
}

}  // namespace

Result<UniqueFd> DurableDirectories::OpenOrMake(const std::string& directory) {
  UniqueFd fd = OpenBeneath(root_fd_, directory, kOpenFlags);
  if (!fd.valid()) {
    if (errno != ENOENT) return OpenError(errno, PathOf(directory));
    return MakeEach(directory);
  }
  if (directory.empty() || IsProven(directory)) return fd;
  ASSIGN_OR_RETURN(bool in_use, HoldsAName(fd.get(), PathOf(directory)));
  if (!in_use) RETURN_IF_ERROR(FsyncParent(directory));
  SetProven(directory);
  return fd;
}

Result<UniqueFd> DurableDirectories::MakeEach(const std::string& directory) {
  ASSIGN_OR_RETURN(UniqueFd parent, OpenOrMake(""));
  size_t begin = 0;
  for (;;) {
    size_t slash = directory.find('/', begin);
    std::string path = PathOf(directory.substr(0, slash));
    std::string leaf = directory.substr(begin, slash == std::string::npos ? slash : slash - begin);
    ASSIGN_OR_RETURN(bool made, MakeOne(parent.get(), leaf, path));
    UniqueFd child = OpenBeneath(parent.get(), leaf, kOpenFlags);
    if (!child.valid()) return OpenError(errno, path);
    bool durable = false;
    if (!made) {
      ASSIGN_OR_RETURN(durable, HoldsAName(child.get(), path));
    }
    if (!durable) RETURN_IF_ERROR(FsyncOpenDirectory(parent.get(), path));
    if (slash == std::string::npos) {
      SetProven(directory);
      return child;
    }
    parent = std::move(child);
    begin = slash + 1;
  }
}

Status DurableDirectories::FsyncParent(const std::string& directory) {
  size_t slash = directory.rfind('/');
  std::string parent = slash == std::string::npos ? "" : directory.substr(0, slash);
  UniqueFd fd = OpenBeneath(root_fd_, parent, kOpenFlags);
  if (!fd.valid()) return OpenError(errno, PathOf(parent));
  return FsyncOpenDirectory(fd.get(), PathOf(directory));
}

bool DurableDirectories::IsProven(const std::string& directory) {
  std::lock_guard lock(mutex_);
  return proven_.contains(directory);
}

void DurableDirectories::SetProven(const std::string& directory) {
  std::lock_guard lock(mutex_);
  proven_.insert(directory);
}

std::string DurableDirectories::PathOf(const std::string& relative) const {
  return relative.empty() ? root_ : fmt::format("{}/{}", root_, relative);
}

Status MakeRootDirectory(const std::string& path) {
  std::string parent = DirectoryOf(path);
  struct stat info {};
  bool made = false;
  if (::stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return ErrnoError(errno, "creating directory", path);
    RETURN_IF_ERROR(MakeRootDirectory(parent));
    ASSIGN_OR_RETURN(made, MakeOne(AT_FDCWD, path, path));
  } else if (!S_ISDIR(info.st_mode)) {
    return Error{Code::kUsage, fmt::format("creating directory {}: it is not a directory", path),
                 "choose another path for the repository"};
  }
  if (path == "/" || path == ".") return {};
  Status durable = FsyncDirectory(parent);
  // Nobody but its owner can fsync a private parent, and whoever made this directory was able to.
  if (!made && !durable.ok() && durable.code() == Code::kPermission) return {};
  return durable;
}

}  // namespace pgcairn::storage
