#include "commands/retention_wal.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace pgcairn::commands {
namespace {

using postgres::TimelineId;

// The reasons why segment `number` stays; they change only where a keep begins or ends.
std::vector<std::string> ReasonsAt(uint64_t number, const std::vector<const WalKeep*>& keeps) {
  std::vector<std::string> open;
  std::vector<std::string> bounded;
  for (const WalKeep* keep : keeps) {
    if (number < keep->first || (keep->last && number > *keep->last)) continue;
    std::vector<std::string>& reasons = keep->last ? bounded : open;
    if (std::find(reasons.begin(), reasons.end(), keep->reason) == reasons.end()) {
      reasons.push_back(keep->reason);
    }
  }
  return open.empty() ? bounded : open;
}

// The numbers from which other reasons may hold.
std::set<uint64_t> Borders(uint64_t first, const std::vector<const WalKeep*>& keeps) {
  std::set<uint64_t> borders{first};
  for (const WalKeep* keep : keeps) {
    if (keep->first > first) borders.insert(keep->first);
    if (keep->last && *keep->last >= first) borders.insert(*keep->last + 1);
  }
  return borders;
}

void JudgeTimeline(TimelineId timeline, const ArchivedWal& wal,
                   const std::vector<const WalKeep*>& keeps, const std::string& otherwise,
                   std::vector<WalVerdict>& verdicts) {
  const std::set<uint64_t>& numbers = wal.archive.SegmentsOf(timeline);
  std::set<uint64_t> borders = Borders(*numbers.begin(), keeps);
  size_t first_verdict = verdicts.size();
  for (auto border = borders.begin(); border != borders.end(); ++border) {
    auto begin = numbers.lower_bound(*border);
    auto end = std::next(border) == borders.end() ? numbers.end()
                                                  : numbers.lower_bound(*std::next(border));
    if (begin == end) continue;
    std::vector<std::string> reasons = ReasonsAt(*border, keeps);
    bool keep = !reasons.empty();
    if (!keep) reasons = {otherwise};
    auto count = static_cast<uint64_t>(std::distance(begin, end));
    WalRange range{wal.system, timeline, *begin, *std::prev(end)};
    bool continues = verdicts.size() > first_verdict && verdicts.back().keep == keep &&
                     verdicts.back().reasons == reasons;
    if (continues) {
      verdicts.back().range.last = range.last;
      verdicts.back().segments += count;
    } else {
      verdicts.push_back({range, count, keep, std::move(reasons)});
    }
  }
}

}  // namespace

std::vector<WalVerdict> JudgeWal(const ArchivedWal& wal, const std::vector<WalKeep>& keeps,
                                 const std::string& otherwise) {
  std::vector<WalVerdict> verdicts;
  for (TimelineId timeline : wal.archive.Timelines()) {
    std::vector<const WalKeep*> of_timeline;
    for (const WalKeep& keep : keeps) {
      if (keep.timeline == timeline) of_timeline.push_back(&keep);
    }
    JudgeTimeline(timeline, wal, of_timeline, otherwise, verdicts);
  }
  return verdicts;
}

}  // namespace pgcairn::commands
