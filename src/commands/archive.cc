#include "commands/archive.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace pgcairn::commands {

Result<Archive> Archive::Read(const repository::WalStore& wal, uint64_t segment_bytes) {
  Archive archive;
  archive.wal_ = &wal;
  archive.segment_bytes_ = segment_bytes;
  ASSIGN_OR_RETURN(std::vector<std::string> names, wal.ListSegments());
  for (const std::string& name : names) {
    auto segment = postgres::ParseWalSegmentName(name, segment_bytes);
    if (!segment) {
      return Error{Code::kDamaged,
                   fmt::format("the archive holds {}, which is no segment of this cluster", name),
                   "was wal_segment_size changed? Take a new backup under a new cluster.name"};
    }
    archive.segments_[segment->timeline].insert(segment->number);
  }
  ASSIGN_OR_RETURN(std::vector<std::string> histories, wal.ListHistories());
  for (const std::string& name : histories) {
    if (postgres::KindOfWalFile(name) != postgres::WalFileKind::kHistory) {
      return Error{Code::kDamaged,
                   fmt::format("the archive holds {}, which is no timeline history file", name),
                   "pgcairn did not write it: remove it from the repository"};
    }
    uint32_t timeline = 0;
    std::from_chars(name.data(), name.data() + 8, timeline, 16);
    Result<repository::WalFile> file = wal.Fetch(name);
    if (!file.ok()) {
      if (file.code() != Code::kDamaged) return file.status();
      continue;  // the other timelines stay within reach
    }
    ASSIGN_OR_RETURN(archive.histories_[postgres::TimelineId{timeline}],
                     postgres::ParseTimelineHistory(AsText(file->bytes)));
  }
  return archive;
}

Archive Archive::Of(
    uint64_t segment_bytes, std::map<postgres::TimelineId, std::set<uint64_t>> segments,
    std::map<postgres::TimelineId, std::vector<postgres::TimelineSwitch>> histories) {
  Archive archive;
  archive.segment_bytes_ = segment_bytes;
  archive.segments_ = std::move(segments);
  archive.histories_ = std::move(histories);
  return archive;
}

std::vector<postgres::TimelineId> Archive::Timelines() const {
  std::vector<postgres::TimelineId> timelines;
  timelines.reserve(segments_.size());
  for (const auto& [timeline, numbers] : segments_) timelines.push_back(timeline);
  return timelines;
}

const std::vector<postgres::TimelineSwitch>& Archive::HistoryOf(
    postgres::TimelineId timeline) const {
  static const std::vector<postgres::TimelineSwitch> kNone;
  auto found = histories_.find(timeline);
  return found == histories_.end() ? kNone : found->second;
}

std::vector<postgres::TimelineId> Archive::WithoutHistory(postgres::TimelineId timeline) const {
  std::vector<postgres::TimelineId> unknown;
  for (auto later = segments_.upper_bound(timeline); later != segments_.end(); ++later) {
    if (!histories_.contains(later->first)) unknown.push_back(later->first);
  }
  return unknown;
}

bool Archive::Has(postgres::WalSegment segment) const {
  auto found = segments_.find(segment.timeline);
  return found != segments_.end() && found->second.contains(segment.number);
}

Result<std::optional<postgres::WalSegment>> Archive::OnPath(postgres::TimelineId timeline,
                                                            uint64_t number) const {
  postgres::Lsn last_byte{(number + 1) * segment_bytes_ - 1};
  ASSIGN_OR_RETURN(postgres::TimelineId holder,
                   postgres::TimelineHolding(timeline, HistoryOf(timeline), last_byte));
  postgres::WalSegment segment{holder, number};
  if (!Has(segment)) return std::optional<postgres::WalSegment>();
  return std::optional<postgres::WalSegment>(segment);
}

Result<std::optional<uint64_t>> Archive::LastOfRun(postgres::TimelineId timeline,
                                                   uint64_t first) const {
  std::optional<uint64_t> last;
  for (uint64_t number = first;; ++number) {
    ASSIGN_OR_RETURN(std::optional<postgres::WalSegment> segment, OnPath(timeline, number));
    if (!segment) return last;
    last = number;
  }
}

std::vector<Archive::Gap> Archive::Gaps() const {
  std::vector<Gap> gaps;
  for (const auto& [timeline, numbers] : segments_) {
    std::optional<uint64_t> before;
    for (uint64_t number : numbers) {
      if (before && number != *before + 1) {
        gaps.push_back({{timeline, *before + 1}, number - *before - 1});
      }
      before = number;
    }
  }
  return gaps;
}

}  // namespace pgcairn::commands
