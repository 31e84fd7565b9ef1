#include "commands/replayed_tablespaces.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "postgres/data_directory.h"
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

std::string StopBefore(const TablespaceCreation& creation) {
  return fmt::format("stop before it: --lsn={} --exclusive", creation.start.ToText());
}

// What the target refers to already: a restore with --delta removes what is there.
std::set<std::string> LinksOf(const std::string& data_directory) {
  std::set<std::string> places;
  std::error_code error;
  fs::directory_iterator at(data_directory + "/pg_tblspc", error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    Result<std::string> target = postgres::ReadTablespaceLink(at->path().string());
    if (target.ok()) places.insert(*target);
  }
  return places;
}

Status PreparePlace(const TablespaceCreation& creation) {
  std::error_code error;
  const fs::file_status status = fs::status(creation.location, error);
  if (!fs::exists(status)) {
    Status made = MakeDirectories(creation.location);
    if (made.ok()) return {};
    Error failed = made.error();
    failed.message = fmt::format("{}: {}", Where(creation), failed.message);
    failed.hint =
        fmt::format("make that directory for the server's user, or {}", StopBefore(creation));
    return failed;
  }
  fs::directory_iterator entries;
  if (fs::is_directory(status)) entries = fs::directory_iterator(creation.location, error);
  const bool is_empty = fs::is_directory(status) && !error && entries == fs::directory_iterator();
  if (is_empty) return {};
  return Error{Code::kRefused,
               fmt::format("{}, where recovery would write, and that is no empty directory: it may "
                           "be a running server's",
                           Where(creation)),
               fmt::format("restore on another host, from a backup that was taken after it, or {}; "
                           "if nobody needs what is there, move it away",
                           StopBefore(creation))};
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
                                  const RestorePlaces& places) {
  std::set<std::string> own = LinksOf(places.data_directory);
  for (const auto& [oid, location] : places.tablespace_locations) own.insert(location);
  for (const TablespaceCreation& creation : tablespaces) {
    auto held = places.tablespace_locations.find(creation.oid);
    if (held != places.tablespace_locations.end() && held->second != creation.location) {
      return Error{
          Code::kRefused,
          fmt::format("{}, while the backup was being taken: recovery would move it back there "
                      "from {}",
                      Where(creation), held->second),
          "restore it to its own place, or restore another backup"};
    }
    if (!own.contains(creation.location)) RETURN_IF_ERROR(PreparePlace(creation));
  }
  return {};
}

Status RefuseReplayedTablespaces(const std::vector<TablespaceCreation>& tablespaces,
                                 const std::string& backup_id) {
  if (tablespaces.empty()) return {};
  const TablespaceCreation& creation = tablespaces.front();
  return Error{
      Code::kRefused,
      fmt::format("{}, after the start of {}: recovery would write there, and a trial "
                  "restore writes nowhere but in its own place",
                  Where(creation), backup_id),
      fmt::format("take a backup, which then holds the tablespace, and try that one; or {}",
                  StopBefore(creation))};
}

}  // namespace pgcairn::commands
