#include "commands/recovery_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "commands/archive.h"
#include "commands/recovery_window.h"
#include "commands/replayed_tablespaces.h"
#include "commands/stop_search.h"
#include "repository/manifest/manifest_store.h"
#include "repository/wal_store/wal_store.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

struct Route {
  postgres::TimelineId path;
  postgres::TimelineId holder;  // of the stop
  std::optional<postgres::Lsn> stop;
  const format::Manifest* manifest = nullptr;
};

bool HasNoBadPage(const format::Manifest& manifest) { return manifest.bad_page_count() == 0; }

// The run of segments on the path to `timeline` that begins with the backup; nothing when the
// backup is not on that path or not even consistent there.
Result<std::optional<WalRun>> RunFrom(const Archive& archive, postgres::TimelineId timeline,
                                      const format::Manifest& manifest) {
  postgres::TimelineId own{manifest.timeline()};
  postgres::Lsn stop{manifest.stop_lsn()};
  ASSIGN_OR_RETURN(bool descends,
                   postgres::DescendsFrom(timeline, archive.HistoryOf(timeline), own, stop));
  if (!descends) return std::optional<WalRun>();
  uint64_t bytes = archive.segment_bytes();
  uint64_t first = postgres::SegmentHolding(own, postgres::Lsn{manifest.start_lsn()}, bytes).number;
  ASSIGN_OR_RETURN(std::optional<uint64_t> last, archive.LastOfRun(timeline, first));
  if (!last || *last < postgres::SegmentBefore(own, stop, bytes).number) {
    return std::optional<WalRun>();
  }
  return std::optional<WalRun>(
      WalRun{timeline, first, *last, postgres::Lsn{manifest.start_lsn()}, stop});
}

// Whether a backup can begin a recovery to the target at all, by its own facts.
bool Precedes(const format::Manifest& manifest, const RecoveryTarget& target) {
  if (target.kind == TargetKind::kTime) return manifest.stop_time_us() <= target.time.unix_us;
  if (target.kind == TargetKind::kLsn) return manifest.stop_lsn() <= target.lsn.value;
  return true;
}

bool HasStop(TargetKind kind) {
  return kind != TargetKind::kLatest && kind != TargetKind::kImmediate;
}

// The newest backup from which the target can be reached on one timeline.
Result<std::optional<Route>> OnTimeline(const Archive& archive, postgres::TimelineId timeline,
                                        const std::vector<const format::Manifest*>& manifests,
                                        const RecoveryTarget& target) {
  for (auto it = manifests.rbegin(); it != manifests.rend(); ++it) {
    const format::Manifest& manifest = **it;
    if (!Precedes(manifest, target)) continue;
    ASSIGN_OR_RETURN(std::optional<WalRun> run, RunFrom(archive, timeline, manifest));
    if (!run) continue;
    Route route{timeline, timeline, std::nullopt, &manifest};
    if (!HasStop(target.kind)) return std::optional<Route>(route);
    ASSIGN_OR_RETURN(route.stop, FindStop(archive, *run, target));
    if (!route.stop) continue;
    ASSIGN_OR_RETURN(route.holder,
                     postgres::TimelineHolding(timeline, archive.HistoryOf(timeline), *route.stop));
    return std::optional<Route>(route);
  }
  return std::optional<Route>();
}

Error Ambiguous(const std::vector<Route>& routes, const RecoveryTarget& target) {
  std::string timelines;
  for (const Route& route : routes) {
    timelines += fmt::format("{}{}", timelines.empty() ? "" : ", ", route.path.value);
  }
  return {Code::kUsage,
          fmt::format("{} lies on several timelines: {}", target.Describe(), timelines),
          "say which one with --timeline; `pgcairn list` shows what each of them holds"};
}

// Without a stop: the newest backup, and the highest timeline that comes from it.
Route NewestOf(const std::vector<Route>& routes) {
  return *std::max_element(routes.begin(), routes.end(), [](const Route& a, const Route& b) {
    return std::pair(a.manifest->started_at_us(), a.path) <
           std::pair(b.manifest->started_at_us(), b.path);
  });
}

Result<Route> Choose(const std::vector<Route>& routes, const RecoveryTarget& target) {
  if (!HasStop(target.kind)) return NewestOf(routes);
  std::set<std::pair<postgres::TimelineId, postgres::Lsn>> stops;
  for (const Route& route : routes) stops.insert({route.holder, *route.stop});
  if (stops.size() > 1) return Ambiguous(routes, target);
  return routes.front();
}

std::string DescribeWindows(const ClusterWindows& windows) {
  std::string text;
  for (const RecoveryWindow& window : windows.windows) {
    std::string to = window.to ? window.to->ToText() : "the same moment";
    text += fmt::format("{}from {} ({}) to {} ({}) on timeline {}", text.empty() ? "" : "; ",
                        window.from.ToText(), window.from_lsn.ToText(), to, window.to_lsn.ToText(),
                        window.timeline.value);
  }
  return text.empty() ? "nothing: no backup has all its WAL" : text;
}

Error Unreachable(const RecoveryTarget& target, const ClusterWindows& windows) {
  std::string timeline =
      target.timeline ? fmt::format(" on timeline {}", target.timeline->value) : "";
  std::string lost;
  for (const std::string& name : windows.lost_histories) lost += fmt::format("; {} is lost", name);
  return {Code::kUnreachableTarget,
          fmt::format("{}{} cannot be reached; what can be restored is {}{}", target.Describe(),
                      timeline, DescribeWindows(windows), lost),
          "a time must lie before the last transaction end that is archived; without a target a "
          "restore goes to the end of the archived WAL; `pgcairn list` shows the windows"};
}

// A timeline that nobody can place may be the one on which the cluster went on.
Status RequirePlaced(const Archive& archive, const Route& chosen, const RecoveryTarget& target) {
  if (target.timeline || target.kind == TargetKind::kImmediate) return {};
  std::vector<postgres::TimelineId> unknown = archive.WithoutHistory(chosen.path);
  if (unknown.empty()) return {};
  return Error{
      Code::kDamaged,
      fmt::format("{} is missing or damaged: whether timeline {} continues timeline {} "
                  "cannot be told",
                  postgres::HistoryFileName(unknown.front()), unknown.front().value,
                  chosen.path.value),
      fmt::format("remove it if it is damaged; then archive it again from a server's pg_wal "
                  "with `pgcairn wal push`, or restore without it: --timeline={}",
                  chosen.path.value)};
}

// Recovery to the end of the WAL ends where the first segment is missing, which looks like success.
Status WarnOfGap(const Archive& archive, const Route& chosen, const WalRun& run) {
  if (run.last >= archive.NewestOf(chosen.path)) return {};
  ASSIGN_OR_RETURN(RunEnd end, FindRunEnd(archive, run));
  LogWarning(
      "the archive has a gap: {} is missing and {} is there; what was written after {}{} is NOT "
      "restored; `pgcairn list` shows the gaps",
      archive.NameOf({chosen.path, run.last + 1}),
      archive.NameOf({chosen.path, archive.NewestOf(chosen.path)}), end.lsn.ToText(),
      end.last_time ? fmt::format(" ({})", end.last_time->ToText()) : "");
  return {};
}

// What recovery will read of the log, besides where it stops.
Status ReadLog(const Archive& archive, const WalRun& run, const Route& chosen, RecoveryPlan& plan) {
  std::optional<postgres::Lsn> before;
  if (chosen.stop) before = postgres::Lsn{chosen.stop->value + (plan.target.inclusive ? 1 : 0)};
  if (plan.target.kind == TargetKind::kImmediate) before = run.consistent_at;
  ASSIGN_OR_RETURN(plan.replayed_tablespaces, FindReplayedTablespaces(archive, run, before));
  if (plan.target.kind == TargetKind::kLatest) {
    ASSIGN_OR_RETURN(plan.last_record, FindLastRecord(archive, run));
  }
  return {};
}

Status ReadAhead(const Archive& archive, const Route& chosen, RecoveryPlan& plan) {
  ASSIGN_OR_RETURN(std::optional<WalRun> run, RunFrom(archive, chosen.path, *chosen.manifest));
  CHECK(run.has_value());
  plan.run = run;
  if (plan.target.kind == TargetKind::kLatest) RETURN_IF_ERROR(WarnOfGap(archive, chosen, *run));
  Status read = ReadLog(archive, *run, chosen, plan);
  if (read.ok()) return {};
  if (read.code() == Code::kNotFound) {
    return Error{Code::kUnreachableTarget,
                 fmt::format("WAL after {} was deleted while the recovery was being planned: {}",
                             chosen.manifest->backup_id(), read.error().message),
                 "`pgcairn list` shows what can be restored now"};
  }
  if (read.code() != Code::kDamaged && read.code() != Code::kUnsupported) return read;
  // Files can be restored all the same, and recovery itself says where it ends.
  LogWarning("not all WAL after {} can be read: {}", chosen.manifest->backup_id(),
             read.error().message);
  plan.log_is_unreadable = true;
  return {};
}

void Explain(const Route& route, RecoveryPlan& plan) {
  const format::Manifest& manifest = *route.manifest;
  plan.explanation.push_back(fmt::format("Target: {}", plan.target.Describe()));
  plan.explanation.push_back(fmt::format(
      "Backup: {}, consistent from {} ({}) on", manifest.backup_id(),
      Timestamp{manifest.stop_time_us()}.ToText(), postgres::Lsn{manifest.stop_lsn()}.ToText()));
  std::string where =
      route.stop ? fmt::format(", recovery stops at {}", route.stop->ToText()) : std::string();
  plan.explanation.push_back(fmt::format("Timeline: {}{}", route.path.value, where));
}

Error IsLogical(const std::string& id) {
  return {
      Code::kUsage,
      fmt::format("the backup {} is one of a single database and holds no data directory", id),
      fmt::format("restore it into a database: pgcairn restore --source={} --target-url=URL", id)};
}

// Those of all physical backups, oldest first. A damaged one is an error when it is the one asked
// for, or when no other is left.
Result<std::vector<format::Manifest>> ReadManifests(const repository::ClusterAccess& cluster,
                                                    const std::vector<std::string>& ids,
                                                    const std::string& source) {
  ASSIGN_OR_RETURN(std::string asked_for, repository::ResolveBackupId(ids, source));
  std::vector<format::Manifest> manifests;
  std::optional<Error> damaged;
  for (const std::string& id : ids) {
    Result<repository::StoredManifest> stored = repository::ReadManifest(cluster, id);
    bool is_asked_for = source != "latest" && id == asked_for;
    if (stored.ok()) {
      const bool logical = stored->manifest.method() == format::Manifest::LOGICAL;
      if (logical && is_asked_for) return IsLogical(id);
      if (!logical) manifests.push_back(std::move(stored->manifest));
      continue;
    }
    if (is_asked_for || stored.code() != Code::kDamaged) return stored.error();
    LogWarning("{} is left out: {}", id, stored.error().message);
    damaged = stored.error();
  }
  if (manifests.empty() && damaged) return *damaged;
  if (!manifests.empty()) return manifests;
  return Error{Code::kNotFound, "there is no backup of a data directory, only of single databases",
               "run `pgcairn backup`, or restore one of those into a database: pgcairn restore "
               "--source=ID --target-url=URL"};
}

struct Sources {
  std::vector<const format::Manifest*> usable;  // oldest first, of one system identifier
  uint64_t system_identifier = 0;
  uint64_t segment_bytes = 0;
};

// "latest": all good backups of the newest system; else the one that is named.
Result<Sources> SelectSources(const std::vector<std::string>& ids,
                              const std::vector<format::Manifest>& manifests,
                              const std::string& source) {
  ASSIGN_OR_RETURN(std::string id, repository::ResolveBackupId(ids, source));
  if (source == "latest") id = manifests.back().backup_id();
  Sources sources;
  for (const format::Manifest& manifest : manifests) {
    if (manifest.backup_id() == id) {
      sources.system_identifier = manifest.system_identifier();
      sources.segment_bytes = manifest.wal_segment_size();
    }
  }
  for (const format::Manifest& manifest : manifests) {
    bool wanted = source == "latest" ? HasNoBadPage(manifest) : manifest.backup_id() == id;
    if (wanted && manifest.system_identifier() == sources.system_identifier) {
      sources.usable.push_back(&manifest);
    }
  }
  if (sources.usable.empty()) {
    return Error{Code::kNotFound, "no backup is free of bad pages",
                 "name one with --source=ID to restore it nevertheless"};
  }
  return sources;
}

bool IsWanted(postgres::TimelineId timeline, const Sources& sources, const RecoveryTarget& target) {
  // "Immediate" ends before any later timeline can begin (rule 24).
  if (target.kind == TargetKind::kImmediate &&
      timeline.value != sources.usable.back()->timeline()) {
    return false;
  }
  return !target.timeline || timeline == *target.timeline;
}

}  // namespace

Result<RecoveryPlan> PlanRecovery(const repository::ClusterAccess& cluster,
                                  const RecoveryTarget& target, const std::string& source) {
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  ASSIGN_OR_RETURN(std::vector<format::Manifest> manifests, ReadManifests(cluster, ids, source));
  ASSIGN_OR_RETURN(Sources sources, SelectSources(ids, manifests, source));
  repository::WalStore wal(cluster, sources.system_identifier);
  ASSIGN_OR_RETURN(Archive archive, Archive::Read(wal, sources.segment_bytes));
  std::vector<Route> routes;
  for (postgres::TimelineId timeline : archive.Timelines()) {
    if (!IsWanted(timeline, sources, target)) continue;
    ASSIGN_OR_RETURN(std::optional<Route> route,
                     OnTimeline(archive, timeline, sources.usable, target));
    if (route) routes.push_back(*route);
  }
  if (routes.empty()) {
    ASSIGN_OR_RETURN(ClusterWindows windows, FindRecoveryWindows(cluster, manifests));
    return Unreachable(target, windows);
  }
  ASSIGN_OR_RETURN(Route chosen, Choose(routes, target));
  RETURN_IF_ERROR(RequirePlaced(archive, chosen, target));
  RecoveryPlan plan;
  plan.manifest = *chosen.manifest;
  plan.timeline = chosen.path;
  plan.target = target;
  plan.stop_lsn = chosen.stop;
  RETURN_IF_ERROR(ReadAhead(archive, chosen, plan));
  Explain(chosen, plan);
  return plan;
}

}  // namespace pgcairn::commands
