#include "commands/delta_check.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "commands/restore_marker.h"
#include "commands/running_server.h"
#include "postgres/backup_exclusions.h"
#include "postgres/control_file.h"
#include "postgres/data_directory.h"
#include "postgres/relation_path.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSegmentNameLength = 24;

Error Refused(std::string message, std::string hint) {
  return {Code::kRefused, std::move(message), std::move(hint)};
}

Result<std::vector<fs::path>> EntriesOf(const std::string& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  fs::directory_iterator at(directory, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    entries.push_back(at->path());
  }
  if (error) return ErrnoError(error.value(), "looking into", directory);
  return entries;
}

// Adds up what the files below a directory take, and refuses those that others own: they could be
// neither replaced nor read, or the server could not write them.
class OwnershipScan {
 public:
  Status Of(const std::string& directory) {
    RETURN_IF_ERROR(Look(directory));
    std::error_code error;
    fs::recursive_directory_iterator at(directory, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      if (at->path().filename() == "lost+found") {
        at.disable_recursion_pending();
        continue;
      }
      RETURN_IF_ERROR(Look(at->path().string()));
    }
    if (error) return ErrnoError(error.value(), "looking into", directory);
    return {};
  }

  uint64_t bytes() const { return bytes_; }

 private:
  Status Look(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return ErrnoError(errno, "looking at", path);
    // Whose a link is does not matter: administrators make that of pg_wal as root.
    if (S_ISLNK(info.st_mode)) return {};
    if (info.st_uid != ::geteuid()) {
      return Refused(fmt::format("{} belongs to another user", path),
                     "give it back to the server's user (chown), or remove it if it is none of "
                     "the server's");
    }
    if (S_ISREG(info.st_mode)) bytes_ += static_cast<uint64_t>(info.st_blocks) * 512;
    return {};
  }

  uint64_t bytes_ = 0;
};

class TargetCheck {
 public:
  TargetCheck(const format::Manifest& manifest, const RestorePlaces& places)
      : manifest_(manifest), places_(places), data_(places.data_directory) {}

  Result<bool> Run() {
    ASSIGN_OR_RETURN(bool anything, IsAnythingThere());
    if (!anything) return false;
    RETURN_IF_ERROR(RefuseRunningServer(data_));
    RETURN_IF_ERROR(RefuseLivePidFile(data_));
    RETURN_IF_ERROR(RequireSameCluster());
    ASSIGN_OR_RETURN(postgres::ControlFile control,
                     postgres::ParseControlFile(AsBytes(manifest_.control_file())));
    version_directory_ = postgres::TablespaceVersionDirectory(control);
    RETURN_IF_ERROR(scan_.Of(data_));
    RETURN_IF_ERROR(CheckWalDirectory());
    RETURN_IF_ERROR(CheckLinksThatAreThere());
    RETURN_IF_ERROR(CheckPlacesOfTablespaces());
    // What is there is written over or removed first.
    const uint64_t needed = manifest_.stream_bytes();
    RETURN_IF_ERROR(RequireRoom(places_, needed > scan_.bytes() ? needed - scan_.bytes() : 0));
    return true;
  }

 private:
  Result<bool> IsAnythingThere() const {
    struct stat info {};
    if (::stat(data_.c_str(), &info) != 0) {
      if (errno == ENOENT) return false;
      return ErrnoError(errno, "looking at", data_);
    }
    if (!S_ISDIR(info.st_mode)) return false;
    ASSIGN_OR_RETURN(std::vector<fs::path> entries, EntriesOf(data_));
    return !entries.empty();
  }

  // By pg_control, and by the marker where an earlier restore has taken that away.
  Status RequireSameCluster() {
    Result<postgres::ControlFileRead> control = postgres::ReadControlFile(data_);
    if (control.ok()) {
      whole_ = true;
      return RequireSystem(control->control.system_identifier.value);
    }
    ASSIGN_OR_RETURN(std::optional<RestoreMarker> marker, ReadRestoreMarker(data_));
    if (marker) return RequireSystem(marker->system_identifier);
    ASSIGN_OR_RETURN(bool just_begun, HoldsOnlyAnUnfinishedMarker());
    if (just_begun) return {};
    if (control.code() != Code::kNotFound) {
      Error error = control.error();
      error.hint =
          "what is there cannot be proven to be this cluster's: restore into an empty "
          "directory";
      return error;
    }
    return Refused(fmt::format("{} is not empty and no data directory: it has no {}", data_,
                               postgres::kControlFilePath),
                   "restore into an empty directory, or into the cluster's own");
  }

  // A restore that ended before its marker had its name has left nothing else.
  Result<bool> HoldsOnlyAnUnfinishedMarker() const {
    const std::string prefix = std::string(postgres::kRestoreMarkerName) + ".pgcairn-tmp.";
    ASSIGN_OR_RETURN(std::vector<fs::path> entries, EntriesOf(data_));
    return std::ranges::all_of(entries, [&](const fs::path& entry) {
      return entry.filename().string().starts_with(prefix);
    });
  }

  Status RequireSystem(uint64_t system_identifier) const {
    if (system_identifier == manifest_.system_identifier()) return {};
    return Refused(
        fmt::format("{} belongs to another cluster: its system identifier is {}, the backup's {}",
                    data_, system_identifier, manifest_.system_identifier()),
        "restore into an empty directory, or into the cluster's own");
  }

  Status CheckWalDirectory() {
    const std::string wal = data_ + "/pg_wal";
    struct stat info {};
    if (::lstat(wal.c_str(), &info) != 0) {
      return errno == ENOENT ? Status() : ErrnoError(errno, "looking at", wal);
    }
    if (S_ISLNK(info.st_mode)) RETURN_IF_ERROR(CheckLinkedWal(wal));
    return RefuseUnarchivedWal(wal);
  }

  // A copy has links that lead to the original's files, and nothing tells them from its own.
  bool IsWhereBackupWasTaken() const {
    std::error_code error;
    return data_ == AbsolutePath(manifest_.data_directory(), "/") ||
           fs::equivalent(data_, manifest_.data_directory(), error);
  }

  // `what`: of the original.
  Status RefuseCopiedLink(const std::string& link, const char* what, std::string hint) const {
    if (IsWhereBackupWasTaken()) return {};
    std::error_code error;
    return Refused(fmt::format("{} is a link to {}, and {} is not where the backup was taken: if "
                               "it is a copy, that is the original's {}, and would be emptied",
                               link, fs::read_symlink(link, error).string(), data_, what),
                   std::move(hint));
  }

  // It will be emptied: so it must be what its name says.
  Status CheckLinkedWal(const std::string& wal) {
    std::error_code error;
    const std::string target = fs::canonical(wal, error).string();
    if (error || !fs::is_directory(target, error)) {
      return Refused(fmt::format("{} is a link to {}, which is no directory", wal,
                                 fs::read_symlink(wal, error).string()),
                     "make or mount that directory, or remove the link: pg_wal is then made in "
                     "the data directory");
    }
    RETURN_IF_ERROR(RefuseUsedByServer(target));
    RETURN_IF_ERROR(RefuseCopiedLink(
        wal, "WAL",
        "remove the link: pg_wal is then made in the data directory, and may be moved and linked "
        "to a place of its own after the restore"));
    ASSIGN_OR_RETURN(std::vector<fs::path> entries, EntriesOf(target));
    for (const fs::path& entry : entries) {
      if (IsOfWalDirectory(entry.filename().string())) continue;
      return Refused(fmt::format("{} leads to {}, where {} lies beside the WAL", wal, target,
                                 entry.filename().string()),
                     "old WAL is removed there and nothing else may be: move it away, or correct "
                     "the link");
    }
    return scan_.Of(target);
  }

  static bool IsOfWalDirectory(std::string_view name) {
    constexpr std::string_view kNames[] = {"archive_status", "summaries",       "lost+found",
                                           "RECOVERYXLOG",   "RECOVERYHISTORY", "RECOVERYBACKUP"};
    for (std::string_view known : kNames) {
      if (name == known) return true;
    }
    if (name.starts_with("xlogtemp.") || name.find(".pgcairn-tmp.") != std::string_view::npos) {
      return true;
    }
    const std::string_view stem = name.substr(0, name.find('.'));
    return (stem.size() == kSegmentNameLength || stem.size() == 8) &&
           stem.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
  }

  // A segment that waits for its archiving exists nowhere else.
  Status RefuseUnarchivedWal(const std::string& wal) const {
    if (!whole_) return {};  // an earlier run has been here
    const std::string statuses = wal + "/archive_status";
    if (!Exists(statuses)) return {};
    ASSIGN_OR_RETURN(std::vector<fs::path> entries, EntriesOf(statuses));
    size_t count = 0;
    std::string first;
    for (const fs::path& entry : entries) {
      const std::string segment = entry.stem().string();
      if (entry.extension() != ".ready" || segment.size() != kSegmentNameLength) continue;
      ++count;
      if (first.empty() || segment < first) first = segment;
    }
    if (count == 0) return {};
    return Refused(
        fmt::format("{} holds {} segment{} that {} never archived, {} the first, and would lose {}",
                    wal, count, count == 1 ? "" : "s", count == 1 ? "was" : "were", first,
                    count == 1 ? "it" : "them"),
        fmt::format("archive each of them (`pgcairn wal push {}/{}`) and remove its .ready file in "
                    "{}; to give them up, remove only the .ready files",
                    wal, first, statuses));
  }

  // Also of tablespaces that the backup does not have: they will be emptied.
  Status CheckLinksThatAreThere() {
    const std::string tablespaces = data_ + "/pg_tblspc";
    if (!Exists(tablespaces)) return {};
    ASSIGN_OR_RETURN(std::vector<fs::path> entries, EntriesOf(tablespaces));
    for (const fs::path& entry : entries) {
      const Result<std::string> target = postgres::ReadTablespaceLink(entry.string());
      const std::optional<uint32_t> oid = postgres::ParseOid(entry.filename().string());
      if (!target.ok() || !oid) continue;
      if (!Exists(*target)) continue;
      RETURN_IF_ERROR(RefuseUsedByServer(*target));
      const std::string place = *target + "/" + version_directory_;
      if (!Exists(place)) continue;
      if (!places_.tablespace_locations.contains(*oid)) {
        RETURN_IF_ERROR(RefuseCopiedLink(
            entry.string(), "tablespace",
            fmt::format("the backup does not have this tablespace: remove the link, and {} too if "
                        "it is this directory's own",
                        place)));
      }
      RETURN_IF_ERROR(scan_.Of(place));
    }
    return {};
  }

  // A tablespace goes where its link leads already, or where none lies.
  Status CheckPlacesOfTablespaces() const {
    for (const auto& [oid, location] : places_.tablespace_locations) {
      const Result<std::string> link =
          postgres::ReadTablespaceLink(fmt::format("{}/pg_tblspc/{}", data_, oid));
      if (link.ok() && *link == location) continue;
      const std::string place = location + "/" + version_directory_;
      if (!Exists(place)) continue;
      ASSIGN_OR_RETURN(std::vector<fs::path> entries, EntriesOf(place));
      if (entries.empty()) continue;
      return Refused(fmt::format("the tablespace {} is to be restored to {}, where files lie that "
                                 "{} does not refer to",
                                 oid, place, data_),
                     "remove them if nobody needs them, or choose another place with "
                     "--tablespace-map");
    }
    return {};
  }

  const format::Manifest& manifest_;
  const RestorePlaces& places_;
  const std::string data_;
  std::string version_directory_;
  bool whole_ = false;  // pg_control is there
  OwnershipScan scan_;
};

}  // namespace

Result<bool> CheckDeltaTarget(const format::Manifest& manifest, const RestorePlaces& places) {
  return TargetCheck(manifest, places).Run();
}

Status CheckDeltaConfig(const PathsOfBackup& paths, const RestorePlaces& places) {
  const std::string& directory = places.config_directory;
  if (paths.config_directory.empty()) return {};
  const std::string hint = fmt::format(
      "the configuration from outside the data directory is restored to {}, and what the backup "
      "does not have is removed there: move away what is there now",
      directory);
  struct stat info {};
  if (::lstat(directory.c_str(), &info) != 0) {
    return errno == ENOENT ? Status() : ErrnoError(errno, "looking at", directory);
  }
  if (!S_ISDIR(info.st_mode)) {
    return Refused(fmt::format("{} is {}", directory,
                               S_ISLNK(info.st_mode) ? "a link" : "there, and is no directory"),
                   hint);
  }
  ASSIGN_OR_RETURN(std::vector<fs::path> entries, EntriesOf(directory));
  std::erase_if(entries, [](const fs::path& entry) { return entry.filename() == "lost+found"; });
  const bool of_a_restore =
      entries.empty() || std::ranges::any_of(entries, [&](const fs::path& entry) {
        return paths.config_directory.contains(entry.filename().string());
      });
  if (!of_a_restore) {
    return Refused(fmt::format("{} holds {} and nothing that a restore put there", directory,
                               entries.front().filename().string()),
                   hint);
  }
  return OwnershipScan().Of(directory);
}

}  // namespace pgcairn::commands
