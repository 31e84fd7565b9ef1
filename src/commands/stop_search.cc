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

Result<Bytes> FetchOnPath(const Archive& archive, const WalRun& run, uint64_t number) {
  if (number > run.last) return Bytes();
  ASSIGN_OR_RETURN(std::optional<postgres::WalSegment> segment,
                   archive.OnPath(run.timeline, number));
  if (!segment) return Bytes();
  ASSIGN_OR_RETURN(repository::WalFile file, archive.wal().Fetch(archive.NameOf(*segment)));
  return std::move(file.bytes);
}

// The log after a segment, as much of it as the last record that begins there needs.
class FollowingLog {
 public:
  FollowingLog(const Archive& archive, const WalRun& run, uint64_t segment)
      : archive_(archive), run_(run), newest_(segment) {}

  // One segment more; false when the run has no further one.
  Result<bool> Extend() {
    ASSIGN_OR_RETURN(Bytes segment, FetchOnPath(archive_, run_, newest_ + 1));
    if (segment.empty()) return false;
    ++newest_;
    Append(bytes_, segment);
    return true;
  }
  ByteView bytes() const { return bytes_; }

 private:
  const Archive& archive_;
  const WalRun& run_;
  uint64_t newest_;
  Bytes bytes_;
};

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

Result<std::optional<postgres::Lsn>> FindLsn(const Archive& archive, const WalRun& run,
                                             postgres::Lsn target) {
  if (target < run.consistent_at) return std::optional<postgres::Lsn>();
  uint64_t holding = target.value / archive.segment_bytes();
  if (holding > run.last) return std::optional<postgres::Lsn>();
  // Recovery stops at the first record that begins at or past the target.
  for (uint64_t number = run.last + 1; number-- > std::max(run.first, holding);) {
    ASSIGN_OR_RETURN(std::optional<postgres::Lsn> last, LastRecord(archive, run, number));
    if (!last) continue;
    if (*last < target) return std::optional<postgres::Lsn>();
    return std::optional<postgres::Lsn>(target);
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
