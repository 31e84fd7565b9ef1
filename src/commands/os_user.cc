#include "commands/os_user.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "util/file.h"

namespace pgcairn::commands {
namespace {

bool ModeAllows(const OsUser& user, const struct stat& info, int how) {
  if (user.uid == 0) return true;
  // The first class that the user belongs to decides, even when a later one would allow more.
  int shift = 0;
  if (info.st_uid == user.uid) {
    shift = 6;
  } else if (std::ranges::find(user.groups, info.st_gid) != user.groups.end()) {
    shift = 3;
  }
  return ((static_cast<int>(info.st_mode) >> shift) & how) == how;
}

bool MayUseItself(const OsUser& user, const std::string& path, int how) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && ModeAllows(user, info, how);
}

}  // namespace

OsUser UserOf(uid_t uid) {
  OsUser user{uid, fmt::format("#{}", uid), {}};
  struct passwd entry {};
  struct passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr) {
    return user;
  }
  user.name = entry.pw_name;
  int count = 64;
  user.groups.resize(static_cast<size_t>(count));
  if (::getgrouplist(entry.pw_name, entry.pw_gid, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<size_t>(count));
    ::getgrouplist(entry.pw_name, entry.pw_gid, user.groups.data(), &count);
  }
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

std::string DescribeAccess(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return path;
  return fmt::format("{} (mode {:04o}, owned by {})", path, info.st_mode & 07777,
                     UserOf(info.st_uid).name);
}

bool MayUse(const OsUser& user, const std::string& path, int how) {
  for (std::string folder = DirectoryOf(path); folder != "/" && folder != ".";
       folder = DirectoryOf(folder)) {
    if (!MayUseItself(user, folder, X_OK)) return false;
  }
  return MayUseItself(user, path, how);
}

}  // namespace pgcairn::commands
