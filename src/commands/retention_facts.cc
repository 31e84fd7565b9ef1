#include "commands/retention_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "commands/newest_backup.h"

namespace pgcairn::commands {
namespace {

// When the segment was written, by the server's clock and the archiving host's: the later of both.
// Nothing when it does not say: it may be damaged.
Result<std::optional<Timestamp>> WrittenAt(const repository::WalStore& wal,
                                           const std::string& name) {
  Result<format::WalInfo> info = wal.ReadInfo(name);
  if (!info.ok()) {
    bool lost = info.code() == Code::kDamaged || info.code() == Code::kNotFound;
    if (lost) return std::optional<Timestamp>();
    return std::move(info).Context("reading when " + name + " was written").error();
  }
  int64_t us = std::max(info->pushed_at_us(), info->summary().max_time_us());
  if (us == 0) return std::optional<Timestamp>();
  return std::optional<Timestamp>(Timestamp{us});
}

}  // namespace

BackupFacts FactsOf(const format::Manifest& manifest, const repository::BackupNotes& notes) {
  BackupFacts facts;
  facts.id = manifest.backup_id();
  facts.incremental = manifest.type() == format::Manifest::INCREMENTAL;
  facts.good = manifest.bad_page_count() == 0;
  facts.verified = notes.verified.has_value();
  facts.pinned = notes.pinned;
  if (!notes.unreadable.empty()) {
    facts.holds.push_back(
        fmt::format("whether it is pinned is not known: {}", notes.unreadable.front()));
  }
  if (manifest.method() == format::Manifest::LOGICAL) {
    facts.schema_only = !HoldsRows(manifest);
    facts.database = manifest.databases_size() > 0 ? manifest.databases(0).name() : "";
  }
  facts.system = {manifest.system_identifier()};
  facts.timeline = {manifest.timeline()};
  facts.start_lsn = {manifest.start_lsn()};
  facts.stop_lsn = {manifest.stop_lsn()};
  facts.wal_segment_bytes = manifest.wal_segment_size();
  facts.started_at = {manifest.started_at_us()};
  facts.stopped_at = {manifest.stop_time_us()};
  return facts;
}

Result<ArchivedWal> ReadArchivedWal(const repository::WalStore& wal, uint64_t segment_bytes) {
  ASSIGN_OR_RETURN(Archive archive, Archive::Read(wal, segment_bytes));
  ArchivedWal archived{{wal.system_identifier()}, std::move(archive), {}};
  for (postgres::TimelineId timeline : archived.archive.Timelines()) {
    uint64_t newest = archived.archive.NewestOf(timeline);
    ASSIGN_OR_RETURN(std::optional<Timestamp> at,
                     WrittenAt(wal, archived.archive.NameOf({timeline, newest})));
    if (at) archived.newest_at[timeline] = *at;
  }
  return archived;
}

}  // namespace pgcairn::commands
