#include "commands/promised_window.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "postgres/wal/timeline_history.h"

namespace pgcairn::commands {
namespace {

using postgres::TimelineId;

// A backup on the path to some timeline.
struct WindowStart {
  const BackupFacts* backup = nullptr;
  // False: it says that it stopped before one that lies earlier in the log. Some clock jumped, and
  // whether it is older than the window is not known.
  bool dated = true;

  bool StoppedBy(Timestamp at) const { return dated && backup->stopped_at <= at; }
};

// WAL without a gap on the path to a timeline, and the backups that recovery through it can begin
// with.
struct SegmentRun {
  uint64_t first = 0;
  uint64_t last = 0;
  std::vector<WindowStart> candidates;  // by place in the log
};

bool LeadsTo(const BackupFacts& backup, TimelineId timeline, const Archive& archive) {
  if (backup.timeline == timeline) return true;
  Result<bool> descends = postgres::DescendsFrom(timeline, archive.HistoryOf(timeline),
                                                 backup.timeline, backup.stop_lsn);
  return descends.ok() && *descends;
}

std::vector<WindowStart> OnPathTo(TimelineId timeline,
                                  const std::vector<const BackupFacts*>& backups,
                                  const Archive& archive) {
  std::vector<WindowStart> candidates;
  for (const BackupFacts* backup : backups) {
    if (LeadsTo(*backup, timeline, archive)) candidates.push_back({backup});
  }
  std::sort(candidates.begin(), candidates.end(), [](const WindowStart& a, const WindowStart& b) {
    return std::tie(a.backup->stop_lsn, a.backup->id) < std::tie(b.backup->stop_lsn, b.backup->id);
  });
  Timestamp latest{std::numeric_limits<int64_t>::min()};
  for (WindowStart& candidate : candidates) {
    candidate.dated = candidate.backup->stopped_at >= latest;
    latest = std::max(latest, candidate.backup->stopped_at);
  }
  return candidates;
}

// The end of the run that holds `first`; reads the archive only when no known run does.
std::optional<uint64_t> EndOfRun(TimelineId timeline, uint64_t first, const Archive& archive,
                                 const std::map<uint64_t, SegmentRun>& runs) {
  auto run = runs.lower_bound(first);
  if (run != runs.end() && run->second.first <= first) return run->first;
  Result<std::optional<uint64_t>> last = archive.LastOfRun(timeline, first);
  return last.ok() ? *last : std::nullopt;
}

// By their last segment. Backups whose own WAL has a gap are in none.
std::map<uint64_t, SegmentRun> RunsOnPathTo(TimelineId timeline,
                                            const std::vector<WindowStart>& candidates,
                                            const Archive& archive) {
  std::map<uint64_t, SegmentRun> runs;
  for (const WindowStart& candidate : candidates) {
    WalRange own = OwnWal(*candidate.backup);
    std::optional<uint64_t> last = EndOfRun(timeline, own.first, archive, runs);
    if (!last || *last < own.last) continue;
    auto [place, fresh] = runs.try_emplace(*last, SegmentRun{own.first, *last, {}});
    place->second.first = std::min(place->second.first, own.first);
    place->second.candidates.push_back(candidate);
  }
  return runs;
}

// The newest that stopped at or before `from`, else the first; nothing when there is none.
const WindowStart* BaseOf(const std::vector<WindowStart>& candidates, Timestamp from,
                          bool good_only) {
  const WindowStart* base = nullptr;
  for (const WindowStart& candidate : candidates) {
    if (good_only && !candidate.backup->good) continue;
    if (base == nullptr || candidate.StoppedBy(from)) base = &candidate;
  }
  return base;
}

// Which backups the window begins with on the path to one timeline. Goes back from the newest run
// to the first that reaches back to `from`: the ones before it end before the window.
std::vector<const BackupFacts*> BasesOnPath(const std::map<uint64_t, SegmentRun>& runs,
                                            Timestamp from) {
  std::vector<const BackupFacts*> bases;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const WindowStart* good = BaseOf(run->second.candidates, from, true);
    if (good != nullptr) bases.push_back(good->backup);
    if (good != nullptr && good->StoppedBy(from)) break;
    // No good backup leads to the beginning of this run's part of the window: a bad one may.
    bases.push_back(BaseOf(run->second.candidates, from, false)->backup);
  }
  return bases;
}

bool IsWritten(TimelineId timeline, const ArchivedWal& wal, Timestamp from) {
  auto newest = wal.newest_at.find(timeline);
  return newest == wal.newest_at.end() || newest->second >= from;
}

// Every timeline that recovery from `backup` can go to or through. One that nobody can place may be
// one.
std::set<TimelineId> ReachedFrom(const BackupFacts& backup, const Archive& archive) {
  std::set<TimelineId> reached{backup.timeline};
  for (TimelineId timeline : archive.Timelines()) {
    if (timeline <= backup.timeline) continue;
    Result<bool> descends = postgres::DescendsFrom(timeline, archive.HistoryOf(timeline),
                                                   backup.timeline, backup.stop_lsn);
    bool unknown = !archive.HasHistoryOf(timeline) || !descends.ok();
    if (unknown || *descends) reached.insert(timeline);
  }
  return reached;
}

}  // namespace

WalRange OwnWal(const BackupFacts& backup) {
  uint64_t bytes = backup.wal_segment_bytes;
  uint64_t first = postgres::SegmentHolding(backup.timeline, backup.start_lsn, bytes).number;
  uint64_t last = postgres::SegmentBefore(backup.timeline, backup.stop_lsn, bytes).number;
  return {backup.system, backup.timeline, first, std::max(first, last)};
}

bool HasOwnWal(const BackupFacts& backup, const Archive& archive) {
  WalRange own = OwnWal(backup);
  for (uint64_t number = own.first; number <= own.last; ++number) {
    if (!archive.Has({own.timeline, number})) return false;
  }
  return true;
}

PromisedWindow FindPromisedWindow(const std::vector<const BackupFacts*>& backups,
                                  const ArchivedWal& wal, Timestamp from,
                                  const std::set<TimelineId>& always) {
  PromisedWindow window;
  std::map<std::string, const BackupFacts*> bases;
  for (TimelineId timeline : wal.archive.Timelines()) {
    if (!always.contains(timeline) && !IsWritten(timeline, wal, from)) continue;
    std::vector<WindowStart> candidates = OnPathTo(timeline, backups, wal.archive);
    std::map<uint64_t, SegmentRun> runs = RunsOnPathTo(timeline, candidates, wal.archive);
    if (runs.empty()) window.without_backup.insert(timeline);
    for (const BackupFacts* base : BasesOnPath(runs, from)) bases.emplace(base->id, base);
  }
  for (const auto& [id, base] : bases) {
    window.bases.push_back({base, ReachedFrom(*base, wal.archive)});
  }
  return window;
}

}  // namespace pgcairn::commands
