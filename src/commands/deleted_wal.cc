#include "commands/deleted_wal.h"

#include <algorithm>
#include <iterator>

namespace pgcairn::commands {

Result<DeletedWal> DeletedWal::Read(const repository::ClusterAccess& cluster,
                                    postgres::SystemIdentifier system, uint64_t segment_bytes) {
  ASSIGN_OR_RETURN(repository::Deletions deletions, repository::ReadDeletions(cluster));
  return Of(deletions, system, segment_bytes);
}

DeletedWal DeletedWal::Of(const repository::Deletions& deletions, postgres::SystemIdentifier system,
                          uint64_t segment_bytes) {
  DeletedWal deleted;
  for (const format::Deletion& record : deletions.records) {
    for (const format::DeletedSegments& run : record.wal()) {
      if (run.system_identifier() != system.value) continue;
      auto first = postgres::ParseWalSegmentName(run.first(), segment_bytes);
      auto last = postgres::ParseWalSegmentName(run.last(), segment_bytes);
      if (!first || !last || first->timeline != last->timeline) continue;
      if (first->number <= last->number) deleted.Add(first->timeline, first->number, last->number);
    }
  }
  return deleted;
}

void DeletedWal::Add(postgres::TimelineId timeline, uint64_t first, uint64_t last) {
  std::map<uint64_t, uint64_t>& runs = runs_[timeline];
  auto next = runs.upper_bound(first);
  if (next != runs.begin() && std::prev(next)->second + 1 >= first) --next;
  // All runs that touch the new one become part of it.
  while (next != runs.end() && next->first <= last + 1) {
    first = std::min(first, next->first);
    last = std::max(last, next->second);
    next = runs.erase(next);
  }
  runs[first] = last;
}

bool DeletedWal::Holds(postgres::WalSegment segment) const { return LostOf({segment, 1}).empty(); }

std::vector<Archive::Gap> DeletedWal::LostOf(const Archive::Gap& gap) const {
  std::vector<Archive::Gap> lost;
  const uint64_t end = gap.first.number + gap.count;
  uint64_t from = gap.first.number;  // what comes before is decided
  auto add_until = [&](uint64_t until) {
    if (from < until) lost.push_back({{gap.first.timeline, from}, until - from});
  };
  auto runs = runs_.find(gap.first.timeline);
  if (runs != runs_.end()) {
    auto run = runs->second.upper_bound(from);
    if (run != runs->second.begin()) --run;
    for (; run != runs->second.end() && run->first < end; ++run) {
      if (run->second < from) continue;
      add_until(run->first);
      from = run->second + 1;
    }
  }
  add_until(end);
  return lost;
}

}  // namespace pgcairn::commands
