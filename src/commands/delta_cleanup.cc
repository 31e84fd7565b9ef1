#include "commands/delta_cleanup.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "postgres/backup_exclusions.h"
#include "postgres/control_file.h"
#include "postgres/data_directory.h"
#include "postgres/relation_path.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

namespace fs = std::filesystem;
using repository::StreamKind;

constexpr std::string_view kTablespacesDirectory = "pg_tblspc";

std::string Join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

// What lies where the backup has nothing, or something of another kind.
class Cleaner {
 public:
  explicit Cleaner(PathsBelow wanted) : wanted_(std::move(wanted)) {}
  virtual ~Cleaner() = default;

  Result<uint64_t> Run(const std::string& directory) {
    RETURN_IF_ERROR(CleanDirectory("", directory));
    return removed_;
  }

 protected:
  // `path` is relative to the directory that is cleaned, `place` where that is.
  Status CleanDirectory(const std::string& path, const std::string& place) {
    // Collected first: what is removed meanwhile would disturb the listing.
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator at(place, error);
    for (; !error && at != fs::directory_iterator(); at.increment(error)) {
      names.push_back(at->path().filename().string());
    }
    if (error) return ErrnoError(error.value(), "looking into", place);
    for (const std::string& name : names) {
      RETURN_IF_ERROR(CleanEntry(Join(path, name), place + "/" + name));
    }
    return {};
  }

  virtual Status CleanEntry(const std::string& path, const std::string& place) {
    if (FileNameOf(path) == "lost+found") return {};
    ASSIGN_OR_RETURN(mode_t mode, ModeOf(place));
    auto found = wanted_.find(path);
    if (found == wanted_.end()) return Remove(place);
    if (found->second && S_ISDIR(mode)) return CleanDirectory(path, place);
    // One of another kind is in the way of the restore.
    if (found->second || !S_ISREG(mode)) return Remove(place);
    return {};
  }

  static Result<mode_t> ModeOf(const std::string& place) {
    struct stat info {};
    if (::lstat(place.c_str(), &info) != 0) return ErrnoError(errno, "looking at", place);
    return info.st_mode;
  }

  Status Remove(const std::string& place) {
    std::error_code error;
    auto status = fs::symlink_status(place, error);
    if (!error && fs::is_directory(status)) {
      for (fs::recursive_directory_iterator at(place, error);
           !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        if (!at->is_directory(error) || at->is_symlink(error)) ++removed_;
      }
    } else {
      ++removed_;
    }
    if (!error) fs::remove_all(place, error);
    if (error) return ErrnoError(error.value(), "removing", place);
    return {};
  }

  const PathsBelow wanted_;

 private:
  uint64_t removed_ = 0;
};

class DataDirectoryCleaner : public Cleaner {
 public:
  DataDirectoryCleaner(PathsBelow wanted, std::string version_directory,
                       const RestorePlaces& places)
      : Cleaner(std::move(wanted)),
        version_directory_(std::move(version_directory)),
        places_(places) {}

 protected:
  Status CleanEntry(const std::string& path, const std::string& place) override {
    if (path == postgres::kRestoreMarkerName) return {};
    ASSIGN_OR_RETURN(mode_t mode, ModeOf(place));
    const bool is_link = S_ISLNK(mode);
    if (DirectoryOf(path) == kTablespacesDirectory) return CleanTablespace(path, place, is_link);
    if (is_link && (path == "log" || path == "pg_log")) return {};
    if (is_link && path == "pg_wal" && wanted_.contains(path)) return CleanDirectory(path, place);
    return Cleaner::CleanEntry(path, place);
  }

 private:
  Status CleanTablespace(const std::string& path, const std::string& place, bool is_link) {
    std::optional<uint32_t> oid = postgres::ParseOid(FileNameOf(path));
    const auto found =
        oid ? places_.tablespace_locations.find(*oid) : places_.tablespace_locations.end();
    const bool wanted_as_link = found != places_.tablespace_locations.end();
    if (!is_link) {
      auto in_place = wanted_.find(path);
      const bool stays = !wanted_as_link && in_place != wanted_.end() && in_place->second;
      return stays ? CleanDirectory(path, place) : Remove(place);
    }
    ASSIGN_OR_RETURN(const std::string target, postgres::ReadTablespaceLink(place));
    const std::string content = target + "/" + version_directory_;
    if (!wanted_as_link) {
      if (oid && Exists(content)) RETURN_IF_ERROR(RemoveDurably(content));
      return Remove(place);
    }
    // To another place than before: what lies at the old one is nobody's of this restore.
    if (target != found->second) return Remove(place);
    return Exists(content) ? CleanEntry(Join(path, version_directory_), content) : Status();
  }

  Status RemoveDurably(const std::string& place) {
    RETURN_IF_ERROR(Remove(place));
    return FsyncDirectory(DirectoryOf(place));
  }

  const std::string version_directory_;
  const RestorePlaces& places_;
};

// Only the files are streams.
void AddWithParents(const std::string& path, PathsBelow& paths) {
  paths.emplace(path, false);
  for (size_t end = path.rfind('/'); end != std::string::npos && end > 0;
       end = path.rfind('/', end - 1)) {
    paths.emplace(path.substr(0, end), true);
  }
}

}  // namespace

Result<PathsOfBackup> ReadPathsOfBackup(const repository::ClusterAccess& cluster,
                                        const format::Manifest& manifest) {
  PathsOfBackup wanted;
  repository::BlobReader reader(cluster);
  for (const format::BlobReference& message : manifest.stream_lists()) {
    ASSIGN_OR_RETURN(repository::BlobReference reference, repository::FromMessage(message));
    ASSIGN_OR_RETURN(Bytes raw, reader.Read(repository::ObjectKind::kMetadataPack, reference.pack,
                                            reference.location));
    ASSIGN_OR_RETURN(repository::StreamList list, repository::DecodeStreamList(raw));
    for (const repository::PackReference& pack : list.packs) {
      wanted.pack_bytes[pack.sha256] = pack.length;
    }
    for (const repository::StoredPack& pack : list.data_packs) {
      wanted.pack_bytes[pack.sha256] = pack.length;
    }
    for (repository::StreamEntry& entry : list.streams) {
      if (entry.root == repository::StreamRoot::kDataDirectory) {
        wanted.data_directory.emplace(std::move(entry.path), entry.kind == StreamKind::kDirectory);
      } else {
        AddWithParents(entry.path, wanted.config_directory);
      }
    }
  }
  return wanted;
}

Result<uint64_t> RemoveWhatBackupLacks(PathsOfBackup wanted, const format::Manifest& manifest,
                                       const RestorePlaces& places) {
  ASSIGN_OR_RETURN(postgres::ControlFile control,
                   postgres::ParseControlFile(AsBytes(manifest.control_file())));
  uint64_t removed = 0;
  if (!wanted.config_directory.empty() && Exists(places.config_directory)) {
    ASSIGN_OR_RETURN(removed,
                     Cleaner(std::move(wanted.config_directory)).Run(places.config_directory));
  }
  ASSIGN_OR_RETURN(uint64_t of_data,
                   DataDirectoryCleaner(std::move(wanted.data_directory),
                                        postgres::TablespaceVersionDirectory(control), places)
                       .Run(places.data_directory));
  return removed + of_data;
}

}  // namespace pgcairn::commands
