#include "config/text_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>

#include <array>
#include <cerrno>

#include "util/bytes.h"
#include "util/file.h"
#include "util/shell_quoting.h"

namespace pgcairn::config {
namespace {

constexpr size_t kSizeMax = size_t{1} << 20;

std::string UserName(uid_t user) {
  std::array<char, 4096> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return entry.pw_name;
  }
  return std::to_string(user);
}

}  // namespace

Result<TextFile> ReadTextFile(const std::string& path) {
  // Without O_NONBLOCK a FIFO under this name would stop the program here.
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDONLY | O_NONBLOCK));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "reading", path);
  if (!S_ISREG(info.st_mode)) {
    return Error{Code::kStorage, fmt::format("reading {}: it is not a regular file", path),
                 "remove it, or put a file in its place"};
  }
  // One byte more, to see that a file does not go on.
  size_t room_bytes = std::min(static_cast<size_t>(info.st_size), kSizeMax) + 1;
  TextFile file{path, std::string(room_bytes, '\0'), info.st_uid, info.st_mode & 07777};
  std::span<uint8_t> room(reinterpret_cast<uint8_t*>(file.text.data()), file.text.size());
  ASSIGN_OR_RETURN(size_t size, ReadAt(fd.get(), room, 0, path));
  if (size == room_bytes && room_bytes <= kSizeMax) {
    return Error{Code::kStorage, fmt::format("reading {}: it grew while it was read", path),
                 "run the command again"};
  }
  file.text.resize(size);
  if (size > kSizeMax) {
    return Error{Code::kStorage,
                 fmt::format("reading {}: longer than the {} bytes it may have", path, kSizeMax),
                 "check that it is the file you mean"};
  }
  if (file.text.find('\0') != std::string::npos) {
    return Error{Code::kStorage,
                 fmt::format("reading {}: it holds a NUL byte, so is not text", path),
                 "save it as UTF-8"};
  }
  return file;
}

Status CheckPrivate(const TextFile& file, const std::string& what, uid_t user) {
  if (user != 0 && file.owner != user && file.owner != 0) {
    return Error{Code::kPermission,
                 fmt::format("{} holds {} but belongs to user {}, who is neither {} nor root",
                             file.path, what, UserName(file.owner), UserName(user)),
                 fmt::format("run: sudo chown {} {}", UserName(user), QuoteForShell(file.path))};
  }
  if ((file.mode & 077) != 0) {
    return Error{Code::kPermission,
                 fmt::format("{} holds {} and has mode {:04o}: others than its owner can use it",
                             file.path, what, file.mode),
                 fmt::format("run: chmod 600 {}", QuoteForShell(file.path))};
  }
  return {};
}

}  // namespace pgcairn::config
