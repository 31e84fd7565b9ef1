#include "commands/recovery_window.h"

#include <algorithm>
#include <map>
#include <utility>

#include "commands/archive.h"
#include "commands/deleted_wal.h"
#include "commands/stop_search.h"
#include "repository/wal_store/wal_store.h"

namespace pgcairn::commands {
namespace {

// The windows of one timeline: backups whose runs end in the same segment share one.
Result<std::vector<RecoveryWindow>> WindowsOf(
    const Archive& archive, postgres::TimelineId timeline,
    const std::vector<const format::Manifest*>& manifests) {
  std::map<uint64_t, RecoveryWindow> by_end;
  std::map<uint64_t, WalRun> runs;
  for (const format::Manifest* manifest : manifests) {
    postgres::TimelineId own{manifest->timeline()};
    postgres::Lsn stop{manifest->stop_lsn()};
    ASSIGN_OR_RETURN(bool descends,
                     postgres::DescendsFrom(timeline, archive.HistoryOf(timeline), own, stop));
    if (!descends) continue;
    uint64_t bytes = archive.segment_bytes();
    uint64_t first =
        postgres::SegmentHolding(own, postgres::Lsn{manifest->start_lsn()}, bytes).number;
    uint64_t needed = postgres::SegmentBefore(own, stop, bytes).number;
    ASSIGN_OR_RETURN(std::optional<uint64_t> last, archive.LastOfRun(timeline, first));
    if (!last || *last < needed) continue;
    auto [place, fresh] = by_end.try_emplace(*last);
    RecoveryWindow& window = place->second;
    if (fresh) {
      window.system_identifier = manifest->system_identifier();
      window.timeline = timeline;
      window.from = Timestamp{manifest->stop_time_us()};
      window.from_lsn = stop;
      runs[*last] = {timeline, first, *last, postgres::Lsn{manifest->start_lsn()}, stop};
    }
    window.backups.push_back(manifest->backup_id());
  }
  std::vector<RecoveryWindow> windows;
  for (auto& [last, window] : by_end) {
    ASSIGN_OR_RETURN(RunEnd end, FindRunEnd(archive, runs[last]));
    window.to_lsn = std::max(end.lsn, window.from_lsn);
    if (end.last_time && *end.last_time > window.from) window.to = end.last_time;
    windows.push_back(std::move(window));
  }
  return windows;
}

// A window that another timeline continues adds nothing to that one's.
Result<bool> IsContinued(const Archive& archive, const RecoveryWindow& window,
                         const std::vector<RecoveryWindow>& all) {
  for (const RecoveryWindow& other : all) {
    if (other.timeline == window.timeline) continue;
    bool shares = std::find(other.backups.begin(), other.backups.end(), window.backups.front()) !=
                  other.backups.end();
    if (!shares) continue;
    ASSIGN_OR_RETURN(bool descends,
                     postgres::DescendsFrom(other.timeline, archive.HistoryOf(other.timeline),
                                            window.timeline, window.to_lsn));
    if (descends) return true;
  }
  return false;
}

// Where a prune deleted WAL on purpose there is no gap.
Status AddGaps(const repository::ClusterAccess& cluster, const Archive& archive,
               ClusterWindows& result) {
  std::vector<Archive::Gap> gaps = archive.Gaps();
  if (gaps.empty()) return {};
  ASSIGN_OR_RETURN(
      DeletedWal deleted,
      DeletedWal::Read(cluster, {archive.wal().system_identifier()}, archive.segment_bytes()));
  for (const Archive::Gap& missing : gaps) {
    for (const Archive::Gap& gap : deleted.LostOf(missing)) {
      postgres::WalSegment last{gap.first.timeline, gap.first.number + gap.count - 1};
      result.gaps.push_back(
          {gap.first.timeline, archive.NameOf(gap.first), archive.NameOf(last), gap.count});
    }
  }
  return {};
}

Status AddSystem(const repository::ClusterAccess& cluster,
                 const std::vector<const format::Manifest*>& manifests, ClusterWindows& result) {
  repository::WalStore wal(cluster, manifests.front()->system_identifier());
  ASSIGN_OR_RETURN(Archive archive, Archive::Read(wal, manifests.front()->wal_segment_size()));
  std::vector<RecoveryWindow> all;
  for (postgres::TimelineId timeline : archive.Timelines()) {
    ASSIGN_OR_RETURN(std::vector<RecoveryWindow> windows, WindowsOf(archive, timeline, manifests));
    for (RecoveryWindow& window : windows) all.push_back(std::move(window));
  }
  for (const RecoveryWindow& window : all) {
    ASSIGN_OR_RETURN(bool continued, IsContinued(archive, window, all));
    if (!continued) result.windows.push_back(window);
  }
  RETURN_IF_ERROR(AddGaps(cluster, archive, result));
  auto oldest =
      std::min_element(manifests.begin(), manifests.end(),
                       [](const auto* a, const auto* b) { return a->timeline() < b->timeline(); });
  for (postgres::TimelineId timeline : archive.WithoutHistory({(*oldest)->timeline()})) {
    result.lost_histories.push_back(postgres::HistoryFileName(timeline));
  }
  return {};
}

}  // namespace

Result<ClusterWindows> FindRecoveryWindows(const repository::ClusterAccess& cluster,
                                           const std::vector<format::Manifest>& manifests) {
  // In the order in which the systems appear: an upgraded cluster's windows come after the old
  // ones.
  std::vector<std::pair<uint64_t, std::vector<const format::Manifest*>>> systems;
  for (const format::Manifest& manifest : manifests) {
    if (manifest.method() == format::Manifest::LOGICAL) continue;
    if (systems.empty() || systems.back().first != manifest.system_identifier()) {
      systems.emplace_back(manifest.system_identifier(), std::vector<const format::Manifest*>());
    }
    systems.back().second.push_back(&manifest);
  }
  ClusterWindows result;
  for (const auto& [system, of_system] : systems) {
    RETURN_IF_ERROR(AddSystem(cluster, of_system, result));
  }
  std::sort(result.windows.begin(), result.windows.end(),
            [](const RecoveryWindow& a, const RecoveryWindow& b) { return a.from < b.from; });
  return result;
}

}  // namespace pgcairn::commands
