#include "util/new_path.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace pgcairn {
namespace {

Error Taken(const std::string& path) {
  return {Code::kAlreadyExists, path + " is there already",
          "give a name that nothing has, or move what has it out of the way"};
}

// Where the file system knows no rename that keeps what is there, a file is linked; a folder is
// renamed after another look, and then an empty one of the same name may be lost.
Status GiveName(const std::string& from, const std::string& to, bool is_folder) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST) return Taken(to);
  if (errno != EINVAL && errno != ENOSYS) return ErrnoError(errno, "giving its name to", to);
  if (!is_folder) {
    if (::link(from.c_str(), to.c_str()) == 0) {
      ::unlink(from.c_str());
      return {};
    }
    return errno == EEXIST ? Status(Taken(to)) : ErrnoError(errno, "giving its name to", to);
  }
  if (Exists(to)) return Taken(to);
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return ErrnoError(errno, "giving its name to", to);
}

}  // namespace

Result<NewPath> NewPath::Make(const std::string& path, Kind kind) {
  if (Exists(path)) return Taken(path);
  std::string temporary =
      fmt::format("{}/.{}.pgcairn-tmp.{}", DirectoryOf(path), FileNameOf(path), ::getpid());
  if (kind == Kind::kFolder) {
    if (::mkdir(temporary.c_str(), 0700) != 0) {
      return ErrnoError(errno, "creating directory", temporary);
    }
  } else {
    RETURN_IF_ERROR(Open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600).status());
  }
  return NewPath(path, std::move(temporary));
}

NewPath::NewPath(NewPath&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

NewPath::~NewPath() {
  if (temporary_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(temporary_, ignored);
}

Status NewPath::Publish() {
  bool is_folder = false;
  {
    ASSIGN_OR_RETURN(UniqueFd fd, Open(temporary_, O_RDONLY));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "looking at", temporary_);
    is_folder = S_ISDIR(info.st_mode);
    RETURN_IF_ERROR(FsyncFd(fd.get(), temporary_));
  }
  RETURN_IF_ERROR(GiveName(temporary_, path_, is_folder));
  temporary_.clear();
  return FsyncDirectory(DirectoryOf(path_));
}

}  // namespace pgcairn
