#include "commands/place_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr mode_t kPermissions = 07777;

Result<std::optional<struct stat>> Look(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return std::optional(info);
  if (errno == ENOENT) return std::optional<struct stat>();
  return ErrnoError(errno, "looking at", path);
}

Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return ErrnoError(error.value(), "removing", path);
  return {};
}

Status MakeFile(const std::string& path, const repository::StreamEntry& entry, mode_t mode) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (::fchmod(fd.get(), mode) != 0) return ErrnoError(errno, "setting the mode of", path);
  if (entry.size > 0 && ::ftruncate(fd.get(), static_cast<off_t>(entry.size)) != 0) {
    return ErrnoError(errno, "setting the size of", path);
  }
  return {};
}

Status Adjust(const std::string& path, const repository::StreamEntry& entry, mode_t mode,
              const struct stat& info) {
  if ((info.st_mode & kPermissions) != mode && ::chmod(path.c_str(), mode) != 0) {
    return ErrnoError(errno, "setting the mode of", path);
  }
  if (static_cast<uint64_t>(info.st_size) == entry.size) return {};
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_WRONLY | O_NOFOLLOW));
  if (::ftruncate(fd.get(), static_cast<off_t>(entry.size)) != 0) {
    return ErrnoError(errno, "setting the size of", path);
  }
  return {};
}

}  // namespace

Result<bool> PlaceFile(const std::string& path, const repository::StreamEntry& entry,
                       Existing existing) {
  const mode_t mode = entry.mode | S_IWUSR;
  if (existing == Existing::kReuse) {
    ASSIGN_OR_RETURN(std::optional<struct stat> info, Look(path));
    if (info && S_ISREG(info->st_mode) && info->st_nlink == 1) {
      RETURN_IF_ERROR(Adjust(path, entry, mode, *info));
      return true;
    }
    if (info) RETURN_IF_ERROR(RemoveTree(path));
  }
  RETURN_IF_ERROR(MakeFile(path, entry, mode));
  return false;
}

Status PlaceDirectory(const std::string& path, mode_t mode, Existing existing, bool may_be_link) {
  if (existing == Existing::kReuse) {
    ASSIGN_OR_RETURN(std::optional<struct stat> info, Look(path));
    if (info && S_ISLNK(info->st_mode) && may_be_link) {
      struct stat target {};
      if (::stat(path.c_str(), &target) == 0) info = target;
    }
    if (info && S_ISDIR(info->st_mode)) {
      if ((info->st_mode & kPermissions) == mode || ::chmod(path.c_str(), mode) == 0) return {};
      return ErrnoError(errno, "setting the mode of", path);
    }
    if (info) RETURN_IF_ERROR(RemoveTree(path));
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoError(errno, "creating directory", path);
  }
  if (::chmod(path.c_str(), mode) != 0) return ErrnoError(errno, "setting the mode of", path);
  return {};
}

Status PlaceLink(const std::string& path, const std::string& target, Existing existing) {
  if (existing == Existing::kReuse) {
    std::error_code error;
    if (std::filesystem::read_symlink(path, error) == target && !error) return {};
    RETURN_IF_ERROR(RemoveTree(path));
  }
  if (::symlink(target.c_str(), path.c_str()) != 0) {
    return ErrnoError(errno, "linking the tablespace", path);
  }
  return {};
}

}  // namespace pgcairn::commands
