#include "commands/permission_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <set>

#include "commands/os_user.h"
#include "util/file.h"
#include "util/shell_quoting.h"

namespace pgcairn::commands {
namespace {

constexpr char kPermissionsSubject[] = "permissions";

struct Place {
  std::string what;
  std::string path;
  bool secret = false;  // whoever reads it has won
  int archiver_needs = 0;
};

// Those that are there.
std::vector<Place> PlacesOf(const config::Settings& settings) {
  std::vector<Place> places;
  auto add = [&](const char* what, const std::string& path, bool secret, int archiver_needs) {
    struct stat info {};
    if (!path.empty() && ::stat(path.c_str(), &info) == 0) {
      places.push_back({what, path, secret, archiver_needs});
    }
  };
  add("the repository", settings.storage.local_path, false, R_OK | W_OK | X_OK);
  add("the configuration", settings.config_file, false, R_OK);
  add("the configuration", settings.retention_file, false, R_OK);
  add("the environment file", settings.env_file, false, R_OK);
  add("the host key file", settings.encryption.key_file, true, R_OK);
  add("the log folder", settings.storage.log_path, false, W_OK | X_OK);
  return places;
}

// Others can be given rights to these on purpose, and file systems of the network show owners and
// modes of their own: what they hold is sealed.
bool IsShared(const Place& place) { return (place.archiver_needs & W_OK) != 0; }

// CIFS, SMB2, FUSE, FAT and exFAT show the modes that they were mounted with.
bool KeepsModes(const std::string& path) {
  constexpr std::array<uint32_t, 5> kWithout = {0xFF534D42, 0xFE534D42, 0x65735546, 0x4D44,
                                                0x2011BAB0};
  struct statfs info {};
  return ::statfs(path.c_str(), &info) != 0 ||
         std::ranges::find(kWithout, static_cast<uint32_t>(info.f_type)) == kWithout.end();
}

bool IsTrusted(uid_t owner) { return owner == 0 || owner == ::geteuid(); }

// Which bits must not be there. A file of root's is read by its group, or not at all.
mode_t ReadersOf(const Place& place, uid_t owner) {
  bool by_group = owner != ::geteuid() && !IsShared(place);
  return by_group ? 004 : 044;
}

std::string Close(const Place& place, uid_t owner) {
  std::string path = QuoteForShell(place.path);
  if (owner == ::geteuid()) return fmt::format("run: chmod go-rwx {}", path);
  if (!IsShared(place)) return fmt::format("run: sudo chmod go-w,o-r {}", path);
  return fmt::format("run: sudo chown {0} {1} && sudo chmod go-rwx {1}", UserOf(::geteuid()).name,
                     path);
}

// One finding at most, the worst. Nothing when only those can use it who need it.
std::vector<Finding> JudgePlace(const Place& place) {
  struct stat info {};
  if (::stat(place.path.c_str(), &info) != 0) return {};
  std::string named = place.what + " " + DescribeAccess(place.path);
  if (!IsTrusted(info.st_uid)) {
    return {{kPermissionsSubject, IsShared(place) ? Severity::kWarning : Severity::kError,
             fmt::format("{} belongs to another user, who can change it", named),
             fmt::format("run: sudo chown {} {}", UserOf(::geteuid()).name,
                         QuoteForShell(place.path))}};
  }
  if ((info.st_mode & 022) != 0) {
    const bool tolerable =
        IsShared(place) && ((info.st_mode & 002) == 0 || !KeepsModes(place.path));
    return {{kPermissionsSubject, tolerable ? Severity::kWarning : Severity::kError,
             fmt::format("others can write to {}", named), Close(place, info.st_uid)}};
  }
  if ((info.st_mode & ReadersOf(place, info.st_uid)) != 0) {
    return {{kPermissionsSubject, place.secret ? Severity::kError : Severity::kWarning,
             fmt::format("others can read {}", named), Close(place, info.st_uid)}};
  }
  return {};
}

bool Archives(const OsUser& archiver, const Place& place) {
  // Of itself the process can ask the kernel, which knows more than owners and modes.
  if (archiver.uid != ::geteuid()) return MayUse(archiver, place.path, place.archiver_needs);
  return ::faccessat(AT_FDCWD, place.path.c_str(), place.archiver_needs, AT_EACCESS) == 0;
}

// Who can write to a folder can put something else in the place of what lies in it, unless the
// folder is sticky.
bool CanBeSwapped(const struct stat& folder) {
  return !IsTrusted(folder.st_uid) ||
         ((folder.st_mode & 022) != 0 && (folder.st_mode & S_ISVTX) == 0);
}

std::vector<Finding> JudgeFoldersAbove(const Place& place, std::set<std::string>& seen) {
  std::vector<Finding> findings;
  for (std::string folder = DirectoryOf(place.path); seen.insert(folder).second && folder != ".";
       folder = DirectoryOf(folder)) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0 || !CanBeSwapped(info)) continue;
    findings.push_back(
        {kPermissionsSubject, Severity::kWarning,
         fmt::format("{} lies below {}: others can put something else in its place", place.what,
                     DescribeAccess(folder)),
         fmt::format("run: chmod go-w {}, or move {} to a folder that only its owner and root can "
                     "change",
                     QuoteForShell(folder), place.what)});
  }
  return findings;
}

}  // namespace

std::vector<Finding> CheckPermissions(const config::Settings& settings) {
  std::vector<Finding> findings;
  std::set<std::string> seen;
  std::vector<Place> places = PlacesOf(settings);
  // A folder that is named itself is not looked at again as one above another.
  for (const Place& place : places) seen.insert(place.path);
  for (const Place& place : places) {
    for (Finding& finding : JudgePlace(place)) findings.push_back(std::move(finding));
    for (Finding& finding : JudgeFoldersAbove(place, seen)) findings.push_back(std::move(finding));
  }
  if (findings.empty()) {
    findings.push_back({kPermissionsSubject, Severity::kOk,
                        "only their owner can use repository, key, configuration and log", ""});
  }
  return findings;
}

std::vector<Finding> CheckArchiverAccess(const config::Settings& settings,
                                         const std::string& data_directory) {
  struct stat info {};
  if (::stat(data_directory.c_str(), &info) != 0) return {};
  OsUser archiver = UserOf(info.st_uid);
  std::vector<std::string> closed;
  std::vector<std::string> paths;
  for (const Place& place : PlacesOf(settings)) {
    if (Archives(archiver, place)) continue;
    closed.push_back(place.what + " " + DescribeAccess(place.path));
    paths.push_back(QuoteForShell(place.path));
  }
  if (closed.empty()) {
    return {{kPermissionsSubject, Severity::kOk,
             fmt::format("the server runs archive_command as {}, who can use all that it needs",
                         archiver.name),
             ""}};
  }
  return {{kPermissionsSubject, Severity::kError,
           fmt::format("the server runs archive_command as {}, who cannot use {}", archiver.name,
                       fmt::join(closed, ", ")),
           fmt::format("run: sudo chown -R {} {}, and let that user enter the folders above",
                       archiver.name, fmt::join(paths, " "))}};
}

std::vector<Finding> CheckTablespaceAccess(const postgres::ServerFacts& facts) {
  std::vector<Finding> findings;
  for (const postgres::Tablespace& tablespace : facts.tablespaces) {
    if (!tablespace.location.starts_with('/')) continue;
    if (::faccessat(AT_FDCWD, tablespace.location.c_str(), R_OK | X_OK, AT_EACCESS) == 0) continue;
    int saved = errno;
    findings.push_back({kPermissionsSubject, Severity::kError,
                        fmt::format("the tablespace {} at {} cannot be read: {}", tablespace.name,
                                    DescribeAccess(tablespace.location), std::strerror(saved)),
                        "it must be on this host, and belong to the user that runs the server"});
  }
  return findings;
}

}  // namespace pgcairn::commands
