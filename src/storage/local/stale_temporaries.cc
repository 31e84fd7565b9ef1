#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "storage/local/beneath.h"
#include "storage/local/local_storage.h"
#include "storage/local/read_directory.h"

namespace pgcairn::storage {
namespace {

// Files on a network filesystem carry the server's time, so the server is asked what time it is.
Result<int64_t> FilesystemNowSeconds(int root_fd, const std::string& root) {
  std::string leaf = NewTemporaryName();
  UniqueFd fd(
      ::openat(root_fd, leaf.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return PutError(errno, "creating a temporary file in", root);
  struct stat info {};
  bool known = ::fstat(fd.get(), &info) == 0;
  int saved_errno = errno;
  ::unlinkat(root_fd, leaf.c_str(), 0);
  if (!known) return PutError(saved_errno, "reading the time of", root);
  return info.st_mtim.tv_sec;
}

struct Sweep {
  uint64_t removed = 0;
  std::vector<std::string> subdirectories;  // bare names
};

Result<Sweep> SweepDirectory(int directory_fd, const std::string& path, int64_t written_before) {
  ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, ReadDirectory(directory_fd, path));
  Sweep sweep;
  for (DirectoryEntry& entry : entries) {
    if (S_ISDIR(entry.info.st_mode) && IsValidObjectName(entry.name)) {
      sweep.subdirectories.push_back(std::move(entry.name));
      continue;
    }
    if (!S_ISREG(entry.info.st_mode) || !IsTemporaryName(entry.name)) continue;
    if (entry.info.st_mtim.tv_sec > written_before) continue;
    if (::unlinkat(directory_fd, entry.name.c_str(), 0) == 0) {
      ++sweep.removed;
    } else if (errno != ENOENT) {
      return PutError(errno, "deleting", path + "/" + entry.name);
    }
  }
  return sweep;
}

}  // namespace

Result<uint64_t> LocalStorage::RemoveStaleTemporaries(std::chrono::hours age) {
  CHECK(age >= std::chrono::hours(1));
  ASSIGN_OR_RETURN(int64_t now, FilesystemNowSeconds(root_fd_.get(), root_));
  int64_t written_before = now - std::chrono::seconds(age).count();
  uint64_t removed = 0;
  std::vector<std::string> directories = {""};
  while (!directories.empty()) {
    std::string directory = std::move(directories.back());
    directories.pop_back();
    UniqueFd fd = OpenBeneath(root_fd_.get(), directory, O_RDONLY | O_DIRECTORY);
    if (!fd.valid()) return PutError(errno, "listing", PathOf(directory));
    ASSIGN_OR_RETURN(Sweep sweep, SweepDirectory(fd.get(), PathOf(directory), written_before));
    removed += sweep.removed;
    for (const std::string& name : sweep.subdirectories) {
      directories.push_back(directory.empty() ? name : fmt::format("{}/{}", directory, name));
    }
  }
  return removed;
}

}  // namespace pgcairn::storage
