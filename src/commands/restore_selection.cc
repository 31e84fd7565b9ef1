#include "commands/restore_selection.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "commands/archive.h"
#include "commands/log_demand.h"
#include "postgres/control_file.h"
#include "postgres/relation_path.h"
#include "repository/pack/blob_reader.h"
#include "repository/wal_store/wal_store.h"
#include "util/bytes.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using repository::StreamEntry;
using repository::StreamKind;
using repository::StreamList;

std::optional<uint32_t> OidOf(const format::Manifest& manifest, const std::string& database) {
  for (const format::Database& candidate : manifest.databases()) {
    if (candidate.name() == database) return candidate.oid();
  }
  return std::nullopt;
}

Status Measure(const repository::ClusterAccess& cluster, const format::Manifest& manifest,
               RestoreSelection& selection) {
  selection.bytes = 0;
  selection.bytes_left_out = 0;
  repository::BlobReader reader(cluster);
  for (const format::BlobReference& message : manifest.stream_lists()) {
    ASSIGN_OR_RETURN(repository::BlobReference at, repository::FromMessage(message));
    ASSIGN_OR_RETURN(Bytes raw,
                     reader.Read(repository::ObjectKind::kMetadataPack, at.pack, at.location));
    ASSIGN_OR_RETURN(StreamList list, repository::DecodeStreamList(raw));
    for (const StreamEntry& entry : list.streams) {
      if (entry.kind == StreamKind::kDirectory) continue;
      (selection.Fills(entry) ? selection.bytes : selection.bytes_left_out) += entry.size;
    }
  }
  return {};
}

// Where recovery stops; nothing: at the end of the run.
std::optional<postgres::Lsn> StopOf(const RecoveryPlan& plan) {
  if (plan.target.kind == TargetKind::kImmediate) return plan.run->consistent_at;
  return plan.stop_lsn;
}

// Empty: the log can say what is needed.
Result<std::string> WhyNotFromLog(const RecoveryPlan& plan, const RestoreSelection& selection) {
  if (plan.log_is_unreadable) return std::string("not all of the log can be read");
  ASSIGN_OR_RETURN(postgres::ControlFile control,
                   postgres::ParseControlFile(AsBytes(plan.manifest.control_file())));
  if (!control.full_page_writes) return std::string("full_page_writes was off");
  const uint64_t begin = plan.run->first * control.wal_segment_size;
  const std::optional<postgres::Lsn> stop = StopOf(plan);
  const uint64_t end = stop ? stop->value : (plan.run->last + 1) * control.wal_segment_size;
  if (selection.bytes_left_out <= end - begin) {
    return std::string("the other databases are smaller than the log");
  }
  return std::string();
}

Result<LogDemand> Ask(const repository::ClusterAccess& cluster, const RecoveryPlan& plan,
                      uint32_t database) {
  repository::WalStore wal(cluster, plan.manifest.system_identifier());
  ASSIGN_OR_RETURN(Archive archive, Archive::Read(wal, plan.manifest.wal_segment_size()));
  Result<LogDemand> demand = ReadLogDemand(archive, *plan.run, StopOf(plan), database);
  if (demand.ok() || (demand.code() != Code::kDamaged && demand.code() != Code::kUnsupported)) {
    return demand;
  }
  // Recovery itself says whether it can do without that part.
  LogWarning("{}", demand.error().message);
  LogDemand everything;
  everything.everything_because = "not all of the log can be read";
  return everything;
}

}  // namespace

bool RestoreSelection::Fills(const StreamEntry& entry) const {
  if (!everything_because.empty() || entry.kind != StreamKind::kRelationFile) return true;
  const std::optional<postgres::RelationFile> file = postgres::ParseRelationPath(entry.path);
  if (!file || file->database == 0 || file->database == database) return true;
  return relations.contains({file->tablespace, file->database, file->relfilenode});
}

RestoreSelection SelectEverything(const format::Manifest& manifest) {
  RestoreSelection selection;
  selection.bytes = manifest.stream_bytes();
  return selection;
}

Result<RestoreSelection> SelectForDatabase(const repository::ClusterAccess& cluster,
                                           const RecoveryPlan& plan, const std::string& database) {
  RestoreSelection everything = SelectEverything(plan.manifest);
  const std::optional<uint32_t> oid = OidOf(plan.manifest, database);
  if (!oid) {
    everything.everything_because = "the backup has no database of that name";
    return everything;
  }
  RestoreSelection selection;
  selection.everything_because.clear();
  selection.database = *oid;
  RETURN_IF_ERROR(Measure(cluster, plan.manifest, selection));
  ASSIGN_OR_RETURN(everything.everything_because, WhyNotFromLog(plan, selection));
  if (!everything.everything_because.empty()) return everything;
  ASSIGN_OR_RETURN(LogDemand demand, Ask(cluster, plan, *oid));
  if (!demand.everything_because.empty()) {
    everything.everything_because = demand.everything_because;
    return everything;
  }
  selection.relations = std::move(demand.relations);
  if (!selection.relations.empty()) RETURN_IF_ERROR(Measure(cluster, plan.manifest, selection));
  return selection;
}

}  // namespace pgcairn::commands
