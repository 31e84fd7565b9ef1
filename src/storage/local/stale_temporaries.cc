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

// Looks into one directory after the other for temporaries that nobody writes any more.
class Sweep {
 public:
  Sweep(int root_fd, const std::string& root, std::chrono::hours age)
      : root_fd_(root_fd), root_(root), age_s_(std::chrono::seconds(age).count()) {}

  // Returns the bare names of the subdirectories.
  Result<std::vector<std::string>> Directory(int directory_fd, const std::string& path) {
    ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                     ReadDirectory(directory_fd, path, IsTemporaryName));
    std::vector<std::string> subdirectories;
    for (DirectoryEntry& entry : entries) {
      if (S_ISDIR(entry.info.st_mode)) {
        if (IsValidObjectName(entry.name)) subdirectories.push_back(std::move(entry.name));
        continue;
      }
      if (!S_ISREG(entry.info.st_mode)) continue;
      ASSIGN_OR_RETURN(int64_t now_s, Now());
      if (entry.info.st_mtim.tv_sec > now_s - age_s_) continue;
      if (::unlinkat(directory_fd, entry.name.c_str(), 0) == 0) {
        ++removed_;
      } else if (errno != ENOENT) {
        return PutError(errno, "deleting", path + "/" + entry.name);
      }
    }
    return subdirectories;
  }

  uint64_t removed() const { return removed_; }

 private:
  // Asked for only when there is something to compare it with: a full disk has no room for the
  // question.
  Result<int64_t> Now() {
    if (now_s_ == 0) {
      ASSIGN_OR_RETURN(now_s_, FilesystemNowSeconds(root_fd_, root_));
    }
    return now_s_;
  }

  const int root_fd_;
  const std::string& root_;
  const int64_t age_s_;
  int64_t now_s_ = 0;  // until it is asked for
  uint64_t removed_ = 0;
};

}  // namespace

Result<uint64_t> LocalStorage::RemoveStaleTemporaries(std::chrono::hours age) {
  CHECK(age >= std::chrono::hours(1));
  Sweep sweep(root_fd_.get(), root_, age);
  std::vector<std::string> directories = {""};
  while (!directories.empty()) {
    std::string directory = std::move(directories.back());
    directories.pop_back();
    UniqueFd fd = OpenBeneath(root_fd_.get(), directory, O_RDONLY | O_DIRECTORY);
    if (!fd.valid()) return PutError(errno, "listing", PathOf(directory));
    ASSIGN_OR_RETURN(std::vector<std::string> subdirectories,
                     sweep.Directory(fd.get(), PathOf(directory)));
    for (const std::string& name : subdirectories) {
      directories.push_back(directory.empty() ? name : fmt::format("{}/{}", directory, name));
    }
  }
  return sweep.removed();
}

}  // namespace pgcairn::storage
