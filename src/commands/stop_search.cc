#include "commands/stop_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "postgres/wal/wal_page.h"
#include "postgres/wal/wal_reader.h"
#include "postgres/wal/wal_summary.h"

namespace pgcairn::commands {
namespace {

// What the segment's summary says about the target; a summary never rules out what is there.
bool MayHold(const format::WalInfo& info, const RecoveryTarget& target) {
  if (!info.has_summary() || info.summary().tail_incomplete()) return true;
  const format::WalSummary& summary = info.summary();
  switch (target.kind) {
    case TargetKind::kTime:
      return summary.has_max_time_us() && summary.max_time_us() >= target.time.unix_us;
    case TargetKind::kXid:
      return std::any_of(summary.xids().begin(), summary.xids().end(), [&](const auto& range) {
        return target.xid - range.first() <= range.last() - range.first();
      });
    case TargetKind::kName:
      return std::any_of(summary.named_points().begin(), summary.named_points().end(),
                         [&](const auto& point) { return point.name() == target.name; });
    default:
      return true;
  }
}

Result<std::optional<postgres::Lsn>> FindInSegment(const Archive& archive, const WalRun& run,
                                                   uint64_t number, const RecoveryTarget& target) {
  ASSIGN_OR_RETURN(Bytes segment, FetchOnPath(archive, run, number));
  std::optional<postgres::Lsn> stop;
  auto on_end = [&](const postgres::TransactionEnd& end) {
    if (stop || end.start < run.redo_at) return;
    bool stops = false;
    if (target.kind == TargetKind::kTime) {
      stops = target.inclusive ? end.time > target.time : end.time >= target.time;
    } else if (target.kind == TargetKind::kXid) {
      stops = end.xid == target.xid;
    }
    if (stops) stop = end.start;
  };
  auto on_point = [&](const postgres::NamedPoint& point) {
    if (stop || point.start < run.redo_at) return;
    if (target.kind == TargetKind::kName && point.name == target.name) stop = point.start;
  };
  FollowingLog following(archive, run, number);
  while (true) {
    ASSIGN_OR_RETURN(bool extended, following.Extend());
    Status walked = postgres::ForEachRecoveryStop(segment, following.bytes(), on_end, on_point);
    if (!walked.ok() && walked.code() != Code::kNotFound) return walked;
    // What a longer view could add comes after what was found. Where the run ends within the
    // record, the record is in nobody's reach.
    if (walked.ok() || stop || !extended) return stop;
  }
}

// The start of the last whole record that begins in the segment.
Result<std::optional<postgres::Lsn>> LastRecord(const Archive& archive, const WalRun& run,
                                                uint64_t number) {
  ASSIGN_OR_RETURN(Bytes segment, FetchOnPath(archive, run, number));
  ASSIGN_OR_RETURN(postgres::WalSegmentHeader header, postgres::ReadWalSegmentHeader(segment));
  FollowingLog following(archive, run, number);
  while (true) {
    ASSIGN_OR_RETURN(bool extended, following.Extend());
    postgres::WalReader reader(header, segment, following.bytes());
    std::optional<postgres::Lsn> last;
    while (reader.Next()) last = reader.record().start;
    if (reader.end() != postgres::WalEnd::kCutOff || !extended) return last;
  }
}

// The start of the first whole record from `target` on that begins in the segment.
Result<std::optional<postgres::Lsn>> FirstRecordFrom(const Archive& archive, const WalRun& run,
                                                     uint64_t number, postgres::Lsn target) {
  ASSIGN_OR_RETURN(Bytes segment, FetchOnPath(archive, run, number));
  ASSIGN_OR_RETURN(postgres::WalSegmentHeader header, postgres::ReadWalSegmentHeader(segment));
  FollowingLog following(archive, run, number);
  while (true) {
    ASSIGN_OR_RETURN(bool extended, following.Extend());
    postgres::WalReader reader(header, segment, following.bytes());
    while (reader.Next()) {
      if (reader.record().start >= target) return std::optional(reader.record().start);
    }
    if (reader.end() != postgres::WalEnd::kCutOff || !extended) break;
  }
  return std::optional<postgres::Lsn>();
}

Result<std::optional<postgres::Lsn>> FindLsn(const Archive& archive, const WalRun& run,
                                             postgres::Lsn target) {
  if (target < run.consistent_at) return std::optional<postgres::Lsn>();
  const uint64_t holding = target.value / archive.segment_bytes();
  for (uint64_t number = std::max(run.first, holding); number <= run.last; ++number) {
    ASSIGN_OR_RETURN(std::optional<postgres::Lsn> stop,
                     FirstRecordFrom(archive, run, number, target));
    if (stop) return stop;
  }
  return std::optional<postgres::Lsn>();
}

}  // namespace

Result<std::optional<postgres::Lsn>> FindStop(const Archive& archive, const WalRun& run,
                                              const RecoveryTarget& target) {
  if (target.kind == TargetKind::kLsn) return FindLsn(archive, run, target.lsn);
  for (uint64_t number = run.first; number <= run.last; ++number) {
    ASSIGN_OR_RETURN(std::optional<postgres::WalSegment> segment,
                     archive.OnPath(run.timeline, number));
    if (!segment) break;
    ASSIGN_OR_RETURN(format::WalInfo info, archive.wal().ReadInfo(archive.NameOf(*segment)));
    if (!MayHold(info, target)) continue;
    ASSIGN_OR_RETURN(std::optional<postgres::Lsn> stop,
                     FindInSegment(archive, run, number, target));
    if (!stop) continue;
    // The server ends there whatever follows: a later point of that name does not help.
    if (*stop < run.consistent_at) break;
    return stop;
  }
  return std::optional<postgres::Lsn>();
}

Result<std::optional<postgres::Lsn>> FindLastRecord(const Archive& archive, const WalRun& run) {
  for (uint64_t number = run.last + 1; number-- > run.first;) {
    ASSIGN_OR_RETURN(std::optional<postgres::Lsn> last, LastRecord(archive, run, number));
    if (!last) continue;
    if (*last < run.consistent_at) break;
    return last;
  }
  return std::optional<postgres::Lsn>();
}

Result<RunEnd> FindRunEnd(const Archive& archive, const WalRun& run) {
  RunEnd end;
  bool first = true;
  for (uint64_t number = run.last + 1; number-- > run.first;) {
    ASSIGN_OR_RETURN(std::optional<postgres::WalSegment> segment,
                     archive.OnPath(run.timeline, number));
    if (!segment) break;
    ASSIGN_OR_RETURN(format::WalInfo info, archive.wal().ReadInfo(archive.NameOf(*segment)));
    if (first) {
      // Without a summary nothing is known of the segment but that it is there.
      end.lsn = info.has_summary() ? postgres::Lsn{info.summary().valid_end()}
                                   : postgres::SegmentStart(*segment, archive.segment_bytes());
    }
    first = false;
    if (!info.has_summary() || !info.summary().has_max_time_us()) continue;
    // Ends of transactions before the backup was consistent are no moments of this run.
    if (postgres::Lsn{info.summary().valid_end()} <= run.consistent_at) break;
    end.last_time = Timestamp{info.summary().max_time_us()};
    break;
  }
  return end;
}

}  // namespace pgcairn::commands
