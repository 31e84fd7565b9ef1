#include "storage/local/local_storage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "storage/local/beneath.h"
#include "storage/local/read_directory.h"

namespace pgcairn::storage {
namespace {

// A FIFO or a device planted in the repository must not make a read wait.
constexpr int kReadFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

struct SplitName {
  std::string directory;  // "" is the root
  std::string leaf;
};

SplitName Split(std::string_view name) {
  size_t slash = name.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(name)};
  return {std::string(name.substr(0, slash)), std::string(name.substr(slash + 1))};
}

Timestamp WrittenAt(const struct stat& info) {
  return {info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1000};
}

Error NotAnObject(std::string_view path) {
  return {Code::kRefused, fmt::format("{} is not an object: it is not a regular file", path),
          "remove it from the repository: pgcairn did not make it"};
}

Status ReadExactly(int fd, uint64_t offset, std::span<uint8_t> into, const std::string& path) {
  ASSIGN_OR_RETURN(size_t got, ReadAt(fd, into, offset, path));
  if (got == into.size()) return {};
  return Error{Code::kDamaged, fmt::format("reading {}: it became shorter while it was read", path),
               ""};
}

}  // namespace

LocalStorage::LocalStorage(UniqueFd root_fd, std::string root, PublishMethod first_method)
    : root_fd_(std::move(root_fd)),
      root_(std::move(root)),
      directories_(root_fd_.get(), root_),
      publisher_(first_method) {}

Result<std::unique_ptr<LocalStorage>> LocalStorage::Open(std::string root,
                                                         PublishMethod first_method) {
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  Result<UniqueFd> fd = pgcairn::Open(root, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) {
    Error error = fd.error();
    if (error.code == Code::kNotFound) {
      error.hint = "create the repository with `pgcairn init`, or mount the disk that holds it";
    }
    return error;
  }
  return std::unique_ptr<LocalStorage>(
      new LocalStorage(*std::move(fd), std::move(root), first_method));
}

Result<std::unique_ptr<LocalStorage>> LocalStorage::Create(std::string root) {
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  RETURN_IF_ERROR(MakeRootDirectory(root));
  return Open(std::move(root));
}

Status LocalStorage::PutIfAbsent(std::string_view name, std::span<const ByteView> parts) {
  RETURN_IF_ERROR(CheckObjectName(name));
  std::string path = PathOf(name);
  SplitName split = Split(name);
  ASSIGN_OR_RETURN(UniqueFd directory, directories_.OpenOrMake(split.directory));
  // Seen here, a taken name costs no writing, and is found on a full disk too: the one who repeats
  // a put whose reply was lost needs that answer.
  struct stat info {};
  if (::fstatat(directory.get(), split.leaf.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (!S_ISREG(info.st_mode)) return NotAnObject(path);
    return NameTaken(directory.get(), path);
  }
  if (errno != ENOENT) return PutError(errno, "looking for", path);
  return publisher_.Publish(directory.get(), split.leaf, path, parts);
}

Result<LocalStorage::OpenObject> LocalStorage::OpenForReading(std::string_view name,
                                                              int flags) const {
  RETURN_IF_ERROR(CheckObjectName(name));
  std::string path = PathOf(name);
  UniqueFd fd = OpenBeneath(root_fd_.get(), std::string(name), flags);
  if (!fd.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return AbsentError("opening", path);
    // ENXIO: a socket, or a device without a driver.
    if (errno == ELOOP || errno == ENXIO) return NotAnObject(path);
    return ErrnoError(errno, "opening", path);
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "reading", path);
  if (S_ISDIR(info.st_mode)) return AbsentError("opening", path);
  if (!S_ISREG(info.st_mode)) return NotAnObject(path);
  return OpenObject{std::move(fd),
                    {std::string(name), static_cast<uint64_t>(info.st_size), WrittenAt(info)}};
}

Result<Bytes> LocalStorage::Get(std::string_view name, uint64_t size_max_bytes) {
  ASSIGN_OR_RETURN(OpenObject object, OpenForReading(name, kReadFlags));
  std::string path = PathOf(name);
  if (object.info.size_bytes > size_max_bytes) {
    return Error{Code::kDamaged,
                 fmt::format("reading {}: it has {} bytes, more than the {} that it may have", path,
                             object.info.size_bytes, size_max_bytes),
                 ""};
  }
  Bytes content(object.info.size_bytes);
  RETURN_IF_ERROR(ReadExactly(object.fd.get(), 0, content, path));
  return content;
}

Status LocalStorage::GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) {
  ASSIGN_OR_RETURN(OpenObject object, OpenForReading(name, kReadFlags));
  std::string path = PathOf(name);
  uint64_t size = object.info.size_bytes;
  if (offset > size || into.size() > size - offset) {
    return Error{Code::kDamaged,
                 fmt::format("reading {} bytes at {} of {}: it has only {} bytes", into.size(),
                             offset, path, size),
                 ""};
  }
  return ReadExactly(object.fd.get(), offset, into, path);
}

Result<ObjectInfo> LocalStorage::Stat(std::string_view name) {
  ASSIGN_OR_RETURN(OpenObject object, OpenForReading(name, O_PATH));
  return std::move(object.info);
}

Result<Listing> LocalStorage::List(std::string_view directory) {
  RETURN_IF_ERROR(CheckDirectoryName(directory));
  std::string path = PathOf(directory);
  UniqueFd fd = OpenBeneath(root_fd_.get(), std::string(directory), O_RDONLY | O_DIRECTORY);
  if (!fd.valid()) {
    if (errno == ELOOP) return NotAnObject(path);
    if (errno != ENOENT && errno != ENOTDIR) return ErrnoError(errno, "listing", path);
    Error absent = AbsentError("listing", path);
    if (absent.code != Code::kNotFound) return absent;
    return Listing();
  }
  ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, ReadDirectory(fd.get(), path));
  Listing listing;
  for (DirectoryEntry& entry : entries) {
    std::string name =
        directory.empty() ? std::move(entry.name) : fmt::format("{}/{}", directory, entry.name);
    if (!IsValidObjectName(name)) continue;
    if (S_ISDIR(entry.info.st_mode)) {
      listing.directories.push_back(std::move(name));
    } else if (S_ISREG(entry.info.st_mode)) {
      listing.objects.push_back(
          {std::move(name), static_cast<uint64_t>(entry.info.st_size), WrittenAt(entry.info)});
    }
  }
  std::ranges::sort(listing.objects, {}, &ObjectInfo::name);
  std::ranges::sort(listing.directories);
  return listing;
}

Status LocalStorage::Delete(std::string_view name) {
  RETURN_IF_ERROR(CheckObjectName(name));
  std::string path = PathOf(name);
  SplitName split = Split(name);
  UniqueFd directory = OpenBeneath(root_fd_.get(), split.directory, O_RDONLY | O_DIRECTORY);
  if (!directory.valid()) {
    if (errno != ENOENT && errno != ENOTDIR) return PutError(errno, "deleting", path);
    Error absent = AbsentError("deleting", path);
    if (absent.code != Code::kNotFound) return absent;
    return {};
  }
  // The fsync also follows "absent already": whoever deleted it may have died before the fsync.
  if (::unlinkat(directory.get(), split.leaf.c_str(), 0) != 0 && errno != ENOENT &&
      errno != EISDIR) {
    return ErrnoError(errno, "deleting", path);
  }
  return FsyncOpenDirectory(directory.get(), path);
}

std::string LocalStorage::Describe() const { return fmt::format("directory {}", root_); }

Result<Space> LocalStorage::FreeSpace() const {
  struct statvfs info {};
  if (::fstatvfs(root_fd_.get(), &info) != 0) {
    return ErrnoError(errno, "reading the free space of", root_);
  }
  return Space{info.f_bavail * info.f_frsize, info.f_blocks * info.f_frsize};
}

Error LocalStorage::AbsentError(std::string_view doing, std::string_view path) const {
  struct stat info {};
  if (::fstat(root_fd_.get(), &info) != 0) return ErrnoError(errno, doing, path);
  if (info.st_nlink > 0) return ErrnoError(ENOENT, doing, path);
  // In a deleted directory everything is missing: that proves nothing about the object.
  return {Code::kStorage, fmt::format("{} {}: the repository directory was deleted", doing, path),
          "bring the directory back, or correct the storage path in the configuration"};
}

std::string LocalStorage::PathOf(std::string_view name) const {
  return name.empty() ? root_ : fmt::format("{}/{}", root_, name);
}

}  // namespace pgcairn::storage
