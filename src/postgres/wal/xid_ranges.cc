#include "postgres/wal/xid_ranges.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace pgcairn::postgres {
namespace {

constexpr size_t kPendingMax = size_t{64} * 1024;
// Well above the final bound, so that giving up gaps early costs the result nothing in practice.
constexpr size_t kKeptWhilePending = size_t{16} * 1024;

}  // namespace

bool AnyHolds(const std::vector<XidRange>& ranges, uint32_t xid) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [xid](const XidRange& range) { return range.Holds(xid); });
}

void XidRanges::Add(uint32_t xid) {
  if (!origin_) origin_ = xid;
  if (!ranges_.empty() && xid == ranges_.back().last + 1) {
    ranges_.back().last = xid;
    return;
  }
  if (ranges_.size() >= kPendingMax) Compact(kKeptWhilePending);
  ranges_.push_back({xid, xid});
}

std::vector<XidRange> XidRanges::Take() && {
  Compact(kXidRangesMax);
  return std::move(ranges_);
}

void XidRanges::Compact(size_t ranges_max) {
  if (ranges_.empty()) return;
  auto age = [this](uint32_t xid) { return static_cast<int32_t>(xid - *origin_); };
  std::sort(ranges_.begin(), ranges_.end(),
            [&](const XidRange& a, const XidRange& b) { return age(a.first) < age(b.first); });

  std::vector<XidRange> joined{ranges_.front()};
  for (const XidRange& range : ranges_) {
    XidRange& last = joined.back();
    if (int64_t{age(range.first)} > int64_t{age(last.last)} + 1) {
      joined.push_back(range);
    } else if (age(range.last) > age(last.last)) {
      last.last = range.last;
    }
  }
  if (joined.size() <= ranges_max) {
    ranges_ = std::move(joined);
    return;
  }

  // Entry i stands for the gap after range i; the widest ones stay.
  std::vector<size_t> gaps(joined.size() - 1);
  std::iota(gaps.begin(), gaps.end(), size_t{0});
  auto width = [&](size_t i) { return joined[i + 1].first - joined[i].last; };
  auto kept = gaps.begin() + static_cast<std::ptrdiff_t>(ranges_max - 1);
  std::nth_element(gaps.begin(), kept, gaps.end(),
                   [&](size_t a, size_t b) { return width(a) > width(b); });
  std::sort(gaps.begin(), kept);
  ranges_.clear();
  size_t from = 0;
  for (auto gap = gaps.begin(); gap != kept; ++gap) {
    ranges_.push_back({joined[from].first, joined[*gap].last});
    from = *gap + 1;
  }
  ranges_.push_back({joined[from].first, joined.back().last});
}

}  // namespace pgcairn::postgres
