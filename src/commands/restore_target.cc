#include "commands/restore_target.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

#include "commands/running_server.h"
#include "util/file.h"
#include "util/progress.h"

namespace pgcairn::commands {
namespace {

struct Mapping {
  std::string from;
  std::string to;
};

Result<std::vector<Mapping>> ParseMappings(const std::vector<std::string>& texts) {
  std::vector<Mapping> mappings;
  for (const std::string& text : texts) {
    size_t equals = text.find('=');
    std::string to = equals == std::string::npos ? "" : text.substr(equals + 1);
    if (equals == std::string::npos || equals == 0 || !to.starts_with('/')) {
      return Error{Code::kUsage, fmt::format("--tablespace-map \"{}\" is not OLD=NEW", text),
                   "write --tablespace-map /old/place=/new/place"};
    }
    mappings.push_back({text.substr(0, equals), AbsolutePath(to, "/")});
  }
  return mappings;
}

bool Fits(const Mapping& mapping, const format::Tablespace& tablespace) {
  return mapping.from == tablespace.location() || mapping.from == tablespace.name() ||
         mapping.from == std::to_string(tablespace.oid()) ||
         AbsolutePath(mapping.from, "/") == AbsolutePath(tablespace.location(), "/");
}

Status RefuseUnmapped(const format::Tablespace& tablespace, const std::string& data_directory,
                      const format::Manifest& manifest) {
  const std::string hint =
      fmt::format("say where it goes: --tablespace-map {}=/new/place", tablespace.location());
  if (!tablespace.location().starts_with('/')) {
    return Error{Code::kRefused,
                 fmt::format("the backup says of the tablespace {} only that it lies at {}, seen "
                             "from the data directory's pg_tblspc",
                             tablespace.name(), tablespace.location()),
                 hint};
  }
  if (data_directory == AbsolutePath(manifest.data_directory(), "/")) return {};
  return Error{
      Code::kRefused,
      fmt::format("the tablespace {} lies at {}, and the target {} is not where the backup "
                  "was taken",
                  tablespace.name(), tablespace.location(), data_directory),
      hint};
}

Status CheckPlacesApart(const RestorePlaces& places) {
  std::set<std::string> seen;
  for (const auto& [oid, location] : places.tablespace_locations) {
    if (!seen.insert(location).second) {
      return Error{Code::kRefused, fmt::format("two tablespaces would share {}", location),
                   "give each its own place with --tablespace-map"};
    }
    if (location == places.data_directory || location.starts_with(places.data_directory + "/")) {
      return Error{Code::kRefused,
                   fmt::format("the tablespace place {} lies inside the data directory", location),
                   "map it to a place outside with --tablespace-map"};
    }
  }
  return {};
}

// OK when the directory is absent or empty.
Status RequireEmpty(const std::string& directory) {
  std::error_code error;
  bool there = std::filesystem::exists(directory, error);
  if (!there) return {};
  if (!std::filesystem::is_directory(directory, error)) {
    return Error{Code::kRefused, fmt::format("{} is there, and is no directory", directory),
                 "restore into a new or empty directory"};
  }
  auto entries = std::filesystem::directory_iterator(directory, error);
  if (error) return ErrnoError(error.value(), "looking into", directory);
  if (entries == std::filesystem::directory_iterator()) return {};
  bool running = Exists(directory + "/postmaster.pid");
  return Error{
      Code::kRefused,
      fmt::format("{} is not empty{}", directory,
                  running ? ", and a server runs or ran in it (postmaster.pid)" : ""),
      "restore into a new or empty directory; to bring this one to the backup's state, stop "
      "its server and use --delta"};
}

}  // namespace

// PostgreSQL refuses to start in a directory with any other mode.
mode_t DataDirectoryMode(uint32_t mode_of_origin) { return mode_of_origin == 0750 ? 0750 : 0700; }

Status RequireRoom(const RestorePlaces& places, uint64_t bytes) {
  std::vector<std::string> directories{places.data_directory};
  for (const auto& [oid, location] : places.tablespace_locations) directories.push_back(location);
  std::set<dev_t> devices;
  std::string disks;
  uint64_t free = 0;
  for (std::string existing : directories) {
    while (!Exists(existing)) existing = DirectoryOf(existing);
    struct stat info {};
    if (::stat(existing.c_str(), &info) != 0) return ErrnoError(errno, "looking at", existing);
    if (!devices.insert(info.st_dev).second) continue;
    struct statvfs space {};
    if (::statvfs(existing.c_str(), &space) != 0) return ErrnoError(errno, "looking at", existing);
    free += uint64_t{space.f_bavail} * space.f_frsize;
    disks += fmt::format("{}{}", disks.empty() ? "" : " and ", existing);
  }
  if (free >= bytes) return {};
  return Error{Code::kNoSpace,
               fmt::format("{} {} {} free, the restore needs {}", disks,
                           devices.size() == 1 ? "has" : "together have", FormatBytes(free),
                           FormatBytes(bytes)),
               "free some space or restore to another disk with --target-dir"};
}

namespace {

Status MakeDataDirectory(const std::string& directory, uint32_t mode) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) return ErrnoError(errno, "looking at", directory);
  if (info.st_uid != ::geteuid()) {
    return Error{Code::kPermission, fmt::format("{} belongs to another user", directory),
                 "restore as the user that will run the server, into a directory it owns"};
  }
  if (::chmod(directory.c_str(), DataDirectoryMode(mode)) != 0) {
    return ErrnoError(errno, "setting the mode of", directory);
  }
  return {};
}

}  // namespace

Result<RestorePlaces> ChoosePlaces(const format::Manifest& manifest,
                                   const std::string& data_directory,
                                   const std::vector<std::string>& tablespace_map) {
  RestorePlaces places;
  places.data_directory = AbsolutePath(data_directory, "/");
  places.config_directory = places.data_directory + ".config";
  ASSIGN_OR_RETURN(std::vector<Mapping> mappings, ParseMappings(tablespace_map));
  std::vector<bool> used(mappings.size());
  for (const format::Tablespace& tablespace : manifest.tablespaces()) {
    std::string location = tablespace.location();
    bool mapped = false;
    for (size_t i = 0; i < mappings.size(); ++i) {
      if (!Fits(mappings[i], tablespace)) continue;
      location = mappings[i].to;
      mapped = true;
      used[i] = true;
    }
    if (!mapped) RETURN_IF_ERROR(RefuseUnmapped(tablespace, places.data_directory, manifest));
    if (location != tablespace.location()) places.tablespaces_moved = true;
    places.tablespace_locations[tablespace.oid()] = location;
  }
  for (size_t i = 0; i < mappings.size(); ++i) {
    if (used[i]) continue;
    return Error{Code::kUsage,
                 fmt::format("--tablespace-map names {}, which is no tablespace of the backup",
                             mappings[i].from),
                 "`pgcairn show` lists the backup's tablespaces"};
  }
  RETURN_IF_ERROR(CheckPlacesApart(places));
  return places;
}

RestorePlaces ChooseTestPlaces(const format::Manifest& manifest, const std::string& root) {
  RestorePlaces places;
  places.data_directory = root + "/data";
  places.config_directory = root + "/data.config";
  for (const format::Tablespace& tablespace : manifest.tablespaces()) {
    places.tablespace_locations[tablespace.oid()] =
        fmt::format("{}/tablespaces/{}", root, tablespace.oid());
    places.tablespaces_moved = true;
  }
  return places;
}

Status PreparePlaces(const format::Manifest& manifest, const RestorePlaces& places,
                     uint64_t bytes) {
  RETURN_IF_ERROR(RefuseRunningServer(places.data_directory));
  RETURN_IF_ERROR(RequireEmpty(places.data_directory));
  RETURN_IF_ERROR(RequireEmpty(places.config_directory));
  for (const auto& [oid, location] : places.tablespace_locations) {
    RETURN_IF_ERROR(RequireEmpty(location));
  }
  RETURN_IF_ERROR(RequireRoom(places, bytes));
  return MakeDataDirectory(places.data_directory, manifest.data_directory_mode());
}

}  // namespace pgcairn::commands
