// The archived WAL of one PostgreSQL cluster: what is there, on which timelines, without gaps.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "postgres/lsn.h"
#include "postgres/wal/timeline_history.h"
#include "repository/wal_store/wal_store.h"
#include "util/result.h"

namespace pgcairn::commands {

// A snapshot of names; immutable.
class Archive {
 public:
  // `segment_bytes` is the cluster's WAL segment size. `wal` outlives the archive.
  static Result<Archive> Read(const repository::WalStore& wal, uint64_t segment_bytes);
  // Of what is known already. It has no wal().
  static Archive Of(
      uint64_t segment_bytes, std::map<postgres::TimelineId, std::set<uint64_t>> segments,
      std::map<postgres::TimelineId, std::vector<postgres::TimelineSwitch>> histories);

  // All timelines with a segment, in rising order.
  std::vector<postgres::TimelineId> Timelines() const;
  const std::vector<postgres::TimelineSwitch>& HistoryOf(postgres::TimelineId timeline) const;
  bool HasHistoryOf(postgres::TimelineId timeline) const { return histories_.contains(timeline); }
  bool Has(postgres::WalSegment segment) const;
  // Numbers of the segments of `timeline`, which is one of Timelines().
  const std::set<uint64_t>& SegmentsOf(postgres::TimelineId timeline) const {
    return segments_.at(timeline);
  }
  // The lowest and the highest number of a segment of `timeline`, which is one of Timelines().
  uint64_t OldestOf(postgres::TimelineId timeline) const { return *segments_.at(timeline).begin(); }
  uint64_t NewestOf(postgres::TimelineId timeline) const {
    return *segments_.at(timeline).rbegin();
  }
  // The later timelines than `timeline` that left another one nobody knows where: their history
  // file is missing or damaged.
  std::vector<postgres::TimelineId> WithoutHistory(postgres::TimelineId timeline) const;

  // The segment that a server recovering to `timeline` reads for segment number `number`, if it is
  // archived: that of the timeline which holds the segment's last byte.
  Result<std::optional<postgres::WalSegment>> OnPath(postgres::TimelineId timeline,
                                                     uint64_t number) const;
  // The last segment number of the unbroken run from `first` on the path to `timeline`; nothing
  // when `first` itself is missing.
  Result<std::optional<uint64_t>> LastOfRun(postgres::TimelineId timeline, uint64_t first) const;

  // Missing segments between two present ones of one timeline.
  struct Gap {
    postgres::WalSegment first;
    uint64_t count = 0;
  };
  std::vector<Gap> Gaps() const;

  const repository::WalStore& wal() const {
    CHECK(wal_ != nullptr);
    return *wal_;
  }
  uint64_t segment_bytes() const { return segment_bytes_; }
  std::string NameOf(postgres::WalSegment segment) const {
    return postgres::WalSegmentName(segment, segment_bytes_);
  }

 private:
  const repository::WalStore* wal_ = nullptr;
  uint64_t segment_bytes_ = 0;
  std::map<postgres::TimelineId, std::set<uint64_t>> segments_;
  std::map<postgres::TimelineId, std::vector<postgres::TimelineSwitch>> histories_;
};

}  // namespace pgcairn::commands
