#include "commands/replayed_tablespaces.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "postgres/control_file.h"
#include "postgres/data_directory.h"
#include "postgres/relation_path.h"
#include "postgres/wal/wal_summary.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

namespace fs = std::filesystem;
using postgres::TablespaceCreation;

// A summary that is missing or incomplete rules nothing out: then the records themselves are read.
Result<std::vector<TablespaceCreation>> CreatedIn(const Archive& archive, const WalRun& run,
                                                  uint64_t number, const format::WalInfo& info) {
  std::vector<TablespaceCreation> created;
  if (info.has_summary() && !info.summary().tail_incomplete()) {
    for (const format::TablespaceCreation& kept : info.summary().tablespaces()) {
      created.push_back({kept.oid(), kept.location(), postgres::Lsn{kept.lsn()}});
    }
    return created;
  }
  ASSIGN_OR_RETURN(Bytes segment, FetchOnPath(archive, run, number));
  FollowingLog following(archive, run, number);
  while (true) {
    ASSIGN_OR_RETURN(bool extended, following.Extend());
    created.clear();
    Status walked = postgres::ForEachTablespace(
        segment, following.bytes(),
        [&](const TablespaceCreation& creation) { created.push_back(creation); });
    if (!walked.ok() && walked.code() != Code::kNotFound) return walked;
    if (walked.ok() || !extended) return created;
  }
}

std::string Where(const TablespaceCreation& creation) {
  return fmt::format("the log makes the tablespace {} at {} ({})", creation.oid, creation.location,
                     creation.start.ToText());
}

// Empty where recovery cannot stop any more without being inconsistent.
std::string OrStopBefore(const TablespaceCreation& creation, const format::Manifest& manifest) {
  if (creation.start.value < manifest.stop_lsn()) return "";
  return fmt::format(", or stop before it: --lsn={} --exclusive", creation.start.ToText());
}

// By oid, where the links of a data directory lead.
std::map<uint32_t, std::string> LinksOf(const std::string& data_directory) {
  std::map<uint32_t, std::string> links;
  std::error_code error;
  fs::directory_iterator at(data_directory + "/pg_tblspc", error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    const std::optional<uint32_t> oid = postgres::ParseOid(at->path().filename().string());
    Result<std::string> target = postgres::ReadTablespaceLink(at->path().string());
    if (oid && target.ok()) links[*oid] = *target;
  }
  return links;
}

// Recovery uses the directory of the major version alone, and makes it where it is not.
bool HoldsFiles(const std::string& location, const std::string& version_directory) {
  std::error_code error;
  if (fs::exists(location, error) && !fs::is_directory(location, error)) return true;
  const std::string place = location + "/" + version_directory;
  if (!fs::exists(fs::symlink_status(place, error))) return false;
  fs::directory_iterator entries(place, error);
  return error || entries != fs::directory_iterator();
}

class ReplayedCheck {
 public:
  ReplayedCheck(const format::Manifest& manifest, const RestorePlaces& places)
      : manifest_(manifest), places_(places), links_(LinksOf(places.data_directory)) {}

  Status Check(const TablespaceCreation& creation, const std::string& version_directory) const {
    auto held = places_.tablespace_locations.find(creation.oid);
    if (held != places_.tablespace_locations.end() && held->second != creation.location) {
      return Error{
          Code::kRefused,
          fmt::format("{}, while the backup was being taken: recovery would move it back there "
                      "from {}",
                      Where(creation), held->second),
          "restore it to its own place, or restore another backup"};
    }
    RETURN_IF_ERROR(RefuseMovedInto(creation));
    if (IsOwn(creation.location) || !HoldsFiles(creation.location, version_directory)) return {};
    return Error{Code::kRefused,
                 fmt::format("{}, where recovery would write, and files are there: they may be a "
                             "running server's",
                             Where(creation)),
                 fmt::format("if nobody needs them, move them away; else restore on another host, "
                             "from a backup that was taken after it{}",
                             OrStopBefore(creation, manifest_))};
  }

 private:
  bool IsMoved(uint32_t oid, const std::string& place) const {
    return std::ranges::any_of(manifest_.tablespaces(), [&](const format::Tablespace& tablespace) {
      return tablespace.oid() == oid && tablespace.location() != place;
    });
  }

  Status RefuseMovedInto(const TablespaceCreation& creation) const {
    for (const auto& [oid, place] : places_.tablespace_locations) {
      if (place != creation.location || oid == creation.oid || !IsMoved(oid, place)) continue;
      return Error{
          Code::kRefused,
          fmt::format("{}, where the tablespace {} is to be restored to", Where(creation), oid),
          "choose another place with --tablespace-map"};
    }
    return {};
  }

  // What lies there is written or emptied by this restore.
  bool IsOwn(const std::string& location) const {
    auto leads_there = [&](const auto& place) { return place.second == location; };
    if (std::ranges::any_of(places_.tablespace_locations, leads_there)) return true;
    return std::ranges::any_of(links_, [&](const auto& link) {
      // That of a tablespace which goes elsewhere is removed, and what it led to stays.
      return leads_there(link) && !places_.tablespace_locations.contains(link.first);
    });
  }

  const format::Manifest& manifest_;
  const RestorePlaces& places_;
  const std::map<uint32_t, std::string> links_;
};

Status MakePlace(const TablespaceCreation& creation, const format::Manifest& manifest) {
  Status made = MakeDirectories(creation.location);
  if (made.ok()) return {};
  Error failed = made.error();
  failed.message = fmt::format("{}: {}", Where(creation), failed.message);
  failed.hint =
      fmt::format("make that directory for the server's user{}", OrStopBefore(creation, manifest));
  return failed;
}

}  // namespace

Result<std::vector<TablespaceCreation>> FindReplayedTablespaces(
    const Archive& archive, const WalRun& run, std::optional<postgres::Lsn> before) {
  std::vector<TablespaceCreation> all;
  uint64_t last = run.last;
  if (before) last = std::min(last, before->value / archive.segment_bytes());
  for (uint64_t number = run.first; number <= last; ++number) {
    ASSIGN_OR_RETURN(std::optional<postgres::WalSegment> segment,
                     archive.OnPath(run.timeline, number));
    if (!segment) break;
    ASSIGN_OR_RETURN(format::WalInfo info, archive.wal().ReadInfo(archive.NameOf(*segment)));
    ASSIGN_OR_RETURN(std::vector<TablespaceCreation> created,
                     CreatedIn(archive, run, number, info));
    for (TablespaceCreation& creation : created) {
      const bool is_read = creation.start >= run.redo_at && (!before || creation.start < *before);
      if (is_read && !creation.location.empty()) all.push_back(std::move(creation));
    }
  }
  return all;
}

Status PrepareReplayedTablespaces(const std::vector<TablespaceCreation>& tablespaces,
                                  const format::Manifest& manifest, const RestorePlaces& places) {
  if (tablespaces.empty()) return {};
  ASSIGN_OR_RETURN(postgres::ControlFile control,
                   postgres::ParseControlFile(AsBytes(manifest.control_file())));
  const std::string version_directory = postgres::TablespaceVersionDirectory(control);
  const ReplayedCheck check(manifest, places);
  for (const TablespaceCreation& creation : tablespaces) {
    RETURN_IF_ERROR(check.Check(creation, version_directory));
  }
  for (const TablespaceCreation& creation : tablespaces) {
    if (!Exists(creation.location)) RETURN_IF_ERROR(MakePlace(creation, manifest));
  }
  return {};
}

Status RefuseReplayedTablespaces(const std::vector<TablespaceCreation>& tablespaces,
                                 const format::Manifest& manifest) {
  if (tablespaces.empty()) return {};
  const TablespaceCreation& creation = tablespaces.front();
  return Error{Code::kRefused,
               fmt::format("{}, after the start of {}: recovery would write there, and a trial "
                           "restore writes nowhere but in its own place",
                           Where(creation), manifest.backup_id()),
               fmt::format("take a backup, which then holds the tablespace, and try that one{}",
                           OrStopBefore(creation, manifest))};
}

}  // namespace pgcairn::commands
