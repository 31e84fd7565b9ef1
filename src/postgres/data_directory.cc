#include "postgres/data_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "postgres/backup_exclusions.h"
#include "postgres/control_file.h"
#include "postgres/relation_path.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

constexpr char kTablespaces[] = "pg_tblspc";

std::string Join(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : fmt::format("{}/{}", directory, name);
}

int64_t Nanoseconds(const timespec& time) {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

uint32_t Permissions(const struct stat& info) { return info.st_mode & 07777U; }

// Nothing when a part of the path does not exist.
Result<std::optional<std::string>> RealPath(const std::string& path) {
  std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  if (real) return std::optional<std::string>(real.get());
  if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
  return ErrnoError(errno, "resolving", path);
}

bool IsInside(std::string_view path, std::string_view directory) {
  return path == directory ||
         (path.starts_with(directory) && (directory == "/" || path[directory.size()] == '/'));
}

Result<std::string> ReadLink(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return ErrnoError(errno, "reading link", path);
  target.resize(static_cast<size_t>(length));
  return target;
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

// The names in a directory, sorted; nothing when it vanished.
Result<std::optional<std::vector<std::string>>> ReadNames(const std::string& path) {
  std::unique_ptr<DIR, CloseDirectory> stream(::opendir(path.c_str()));
  if (!stream) {
    if (errno == ENOENT) return std::optional<std::vector<std::string>>();
    return ErrnoError(errno, "listing", path);
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return ErrnoError(errno, "listing", path);
  std::sort(names.begin(), names.end());
  return std::optional(std::move(names));
}

const char* KindOfSpecialFile(mode_t mode) {
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISFIFO(mode)) return "a named pipe";
  return "a device";
}

// One walk through one data directory.
class Lister {
 public:
  Lister(std::string data_directory, std::string_view version_directory)
      : root_(std::move(data_directory)), version_directory_(version_directory) {}

  Result<DataDirectoryListing> Run();

 private:
  std::string Full(const std::string& path) const { return Join(root_, path); }
  void Note(std::string note) { listing_.notes.push_back(std::move(note)); }

  Status WalkDirectory(const std::string& path);
  Status AddEntry(const std::string& path);
  Status AddDirectory(const std::string& path, const struct stat& info);
  Status AddFile(const std::string& path, const struct stat& info);
  Status AddLink(const std::string& path);
  void AddDirectoryEntry(const std::string& path, const struct stat& info);

  Status WalkTablespaces();
  Status AddTablespace(const std::string& path, uint32_t oid);
  Status AddTablespaceLink(const std::string& path, uint32_t oid);
  Status AddTablespaceContent(const std::string& path, const struct stat& info);
  Status CheckTablespacePlace(const std::string& path, const std::string& real);

  void Sort();

  const std::string root_;
  const std::string_view version_directory_;
  std::string real_root_;
  // Real path of each linked tablespace's version directory, and the link's path.
  std::map<std::string, std::string> tablespace_places_;
  DataDirectoryListing listing_;
};

Result<DataDirectoryListing> Lister::Run() {
  struct stat info {};
  if (::stat(root_.c_str(), &info) != 0) return ErrnoError(errno, "listing", root_);
  if (!S_ISDIR(info.st_mode)) return ErrnoError(ENOTDIR, "listing", root_);
  ASSIGN_OR_RETURN(std::optional<std::string> real_root, RealPath(root_));
  if (!real_root) return ErrnoError(ENOENT, "listing", root_);
  real_root_ = *real_root;
  listing_.directories.push_back({".", Permissions(info)});
  RETURN_IF_ERROR(WalkDirectory(""));
  Sort();
  return std::move(listing_);
}

void Lister::Sort() {
  std::sort(listing_.files.begin(), listing_.files.end(),
            [](const DataFile& a, const DataFile& b) { return PathLess(a.path, b.path); });
  std::sort(listing_.directories.begin(), listing_.directories.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  std::sort(listing_.tablespaces.begin(), listing_.tablespaces.end(),
            [](const TablespaceLink& a, const TablespaceLink& b) { return a.oid < b.oid; });
  for (const DataFile& file : listing_.files) listing_.bytes_total += file.size;
}

Status Lister::WalkDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(auto names, ReadNames(path.empty() ? root_ : Full(path)));
  if (!names) return {};
  const bool holds_relations = IsRelationDirectory(path);
  std::unordered_set<uint32_t> unlogged;
  if (holds_relations) {
    for (const std::string& name : *names) {
      auto file = ParseRelationFileName(name);
      if (file && file->fork == Fork::kInit) unlogged.insert(file->relfilenode);
    }
  }
  for (const std::string& name : *names) {
    if (holds_relations) {
      auto file = ParseRelationFileName(name);
      if (file && (file->temporary ||
                   (file->fork != Fork::kInit && unlogged.contains(file->relfilenode)))) {
        continue;
      }
    }
    RETURN_IF_ERROR(AddEntry(Join(path, name)));
  }
  return {};
}

Status Lister::AddEntry(const std::string& path) {
  if (path == kControlFilePath || IsFileLeftOut(path)) return {};
  struct stat info {};
  if (::lstat(Full(path).c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return ErrnoError(errno, "listing", Full(path));
  }
  if (S_ISREG(info.st_mode)) return AddFile(path, info);
  if (S_ISDIR(info.st_mode)) return AddDirectory(path, info);
  if (S_ISLNK(info.st_mode)) return AddLink(path);
  Note(fmt::format("{} is {}: left out", path, KindOfSpecialFile(info.st_mode)));
  return {};
}

void Lister::AddDirectoryEntry(const std::string& path, const struct stat& info) {
  listing_.directories.push_back({path, Permissions(info)});
}

Status Lister::AddDirectory(const std::string& path, const struct stat& info) {
  if (IsDirectoryLeftOut(path)) return {};
  AddDirectoryEntry(path, info);
  if (path == kTablespaces) return WalkTablespaces();
  if (!IsContentLeftOut(path)) return WalkDirectory(path);
  // pg_wal has directories of its own that must be there, and that hold nothing a backup needs.
  for (const char* child : {"archive_status", "summaries"}) {
    std::string below = Join(path, child);
    struct stat child_info {};
    if (IsContentLeftOut(below) && ::stat(Full(below).c_str(), &child_info) == 0 &&
        S_ISDIR(child_info.st_mode)) {
      AddDirectoryEntry(below, child_info);
    }
  }
  return {};
}

Status Lister::AddFile(const std::string& path, const struct stat& info) {
  // Said now, not after hours of copying.
  if (::faccessat(AT_FDCWD, Full(path).c_str(), R_OK, AT_EACCESS) != 0) {
    if (errno == ENOENT) return {};
    return ErrnoError(errno, "reading", Full(path));
  }
  DataFile file;
  file.path = path;
  file.size = static_cast<uint64_t>(info.st_size);
  file.mtime_ns = Nanoseconds(info.st_mtim);
  file.ctime_ns = Nanoseconds(info.st_ctim);
  file.inode = info.st_ino;
  file.mode = Permissions(info);
  file.is_relation = ParseRelationPath(path).has_value();
  listing_.files.push_back(std::move(file));
  return {};
}

Status Lister::AddLink(const std::string& path) {
  auto target = ReadLink(Full(path));
  if (!target.ok()) return target.code() == Code::kNotFound ? Status() : target.status();
  struct stat info {};
  if (::stat(Full(path).c_str(), &info) != 0) {
    if (errno != ENOENT) return ErrnoError(errno, "following link", Full(path));
    Note(fmt::format("{} is a link to {}, which does not exist: left out", path, *target));
    return {};
  }
  if (S_ISREG(info.st_mode)) {
    Note(fmt::format("{} is a link to {}: stored as an ordinary file", path, *target));
    return AddFile(path, info);
  }
  if (!S_ISDIR(info.st_mode)) {
    Note(fmt::format("{} is a link to {}: left out", path, KindOfSpecialFile(info.st_mode)));
    return {};
  }
  if (IsContentLeftOut(path)) {
    Note(fmt::format("{} is a link to {}: stored as an empty directory", path, *target));
    return AddDirectory(path, info);
  }
  if (path == "log" || path == "pg_log") {
    Note(fmt::format("{} is a link to {}: the server's log is left out", path, *target));
    return {};
  }
  return Error{
      Code::kRefused,
      fmt::format("listing {}: {} is a link to the directory {}", root_, path, *target),
      "only pg_wal and the tablespaces in pg_tblspc may lie elsewhere; stop the server and "
      "put the directory in the place of the link"};
}

Status Lister::WalkTablespaces() {
  ASSIGN_OR_RETURN(auto names, ReadNames(Full(kTablespaces)));
  if (!names) return {};
  for (const std::string& name : *names) {
    std::string path = Join(kTablespaces, name);
    if (auto oid = ParseOid(name)) {
      RETURN_IF_ERROR(AddTablespace(path, *oid));
    } else if (!IsFileLeftOut(path) && !IsDirectoryLeftOut(path)) {
      Note(fmt::format("{} is no tablespace: left out", path));
    }
  }
  return {};
}

Status Lister::AddTablespace(const std::string& path, uint32_t oid) {
  struct stat info {};
  if (::lstat(Full(path).c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return ErrnoError(errno, "listing", Full(path));
  }
  if (S_ISLNK(info.st_mode)) return AddTablespaceLink(path, oid);
  if (S_ISDIR(info.st_mode)) {
    Note(fmt::format("tablespace {} lies in place, in {}: stored as an ordinary directory", oid,
                     path));
    return AddTablespaceContent(path, info);
  }
  Note(fmt::format("{} is neither a link nor a directory: left out", path));
  return {};
}

Status Lister::AddTablespaceLink(const std::string& path, uint32_t oid) {
  auto target = ReadLink(Full(path));
  if (!target.ok()) return target.code() == Code::kNotFound ? Status() : target.status();
  ASSIGN_OR_RETURN(std::optional<std::string> real, RealPath(Full(path)));
  struct stat info {};
  if (!real || ::stat(real->c_str(), &info) != 0) {
    // DROP TABLESPACE takes the link away as well.
    if (!Exists(Full(path))) return {};
    return Error{Code::kRefused,
                 fmt::format("listing tablespace {}: {} points to {}, which does not exist", oid,
                             Full(path), *target),
                 "mount or bring back that directory, or drop the tablespace"};
  }
  RETURN_IF_ERROR(CheckTablespacePlace(path, *real));
  listing_.tablespaces.push_back({oid, *target, target->starts_with('/') ? *target : *real});
  return AddTablespaceContent(path, info);
}

Status Lister::CheckTablespacePlace(const std::string& path, const std::string& real) {
  // Only the version's own directory is taken, so that nothing else can be taken twice.
  std::string place = fmt::format("{}/{}", real == "/" ? "" : real, version_directory_);
  if (IsInside(real, real_root_) || IsInside(real_root_, place)) {
    return Error{Code::kRefused,
                 fmt::format("listing {}: the tablespace lies in {}, and the data directory in {}: "
                             "one inside the other",
                             Full(path), real, real_root_),
                 "make a tablespace elsewhere, move what this one holds into it (ALTER TABLE ... "
                 "SET TABLESPACE, ALTER DATABASE ... SET TABLESPACE) and drop this one"};
  }
  for (const auto& [other_place, other_path] : tablespace_places_) {
    if (IsInside(place, other_place) || IsInside(other_place, place)) {
      return Error{Code::kRefused,
                   fmt::format("listing {}: {} and {} lead to the same files in {}", root_,
                               other_path, path, real),
                   "give each tablespace a directory of its own"};
    }
  }
  tablespace_places_.emplace(place, path);
  return {};
}

Status Lister::AddTablespaceContent(const std::string& path, const struct stat& info) {
  AddDirectoryEntry(path, info);
  ASSIGN_OR_RETURN(auto names, ReadNames(Full(path)));
  if (!names) return {};
  for (const std::string& name : *names) {
    std::string below = Join(path, name);
    if (name == version_directory_) {
      RETURN_IF_ERROR(AddEntry(below));
    } else if (!IsDirectoryLeftOut(below)) {
      Note(fmt::format("{} does not belong to this server ({}): left out", below,
                       version_directory_));
    }
  }
  return {};
}

}  // namespace

Result<DataDirectoryListing> ListDataDirectory(const std::string& data_directory,
                                               std::string_view version_directory) {
  return Lister(data_directory, version_directory).Run();
}

Result<std::string> ReadTablespaceLink(const std::string& path) {
  ASSIGN_OR_RETURN(std::string target, ReadLink(path));
  if (target.starts_with('/')) return target;
  std::error_code error;
  const auto from = std::filesystem::path(path).parent_path();
  std::string real = std::filesystem::weakly_canonical(from / target, error).string();
  if (error) return ErrnoError(error.value(), "following link", path);
  return real;
}

}  // namespace pgcairn::postgres
