// Which transactions end in a stretch of log, in bounded space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace pgcairn::postgres {

// Counting up from `first` (and on from 0 after 2^32 - 1) reaches `last`.
struct XidRange {
  uint32_t first = 0;
  uint32_t last = 0;
  bool Holds(uint32_t xid) const { return xid - first <= last - first; }
  friend bool operator==(const XidRange&, const XidRange&) = default;
};

inline constexpr size_t kXidRangesMax = 32;

// "Xid X may end here": false is certain, true may be wrong only for xids that lie between those
// that were seen.
bool AnyHolds(const std::vector<XidRange>& ranges, uint32_t xid);

// Collects xids in any order into at most kXidRangesMax ranges, which cover all of them. They are
// exact until that bound is reached; then the smallest gaps are given up. Needs about a megabyte,
// however many there are. The xids must lie within 2^31 of each other, as those of transactions
// that exist at the same time do.
class XidRanges {
 public:
  void Add(uint32_t xid);
  // Oldest first, disjoint.
  std::vector<XidRange> Take() &&;

 private:
  void Compact(size_t ranges_max);

  std::optional<uint32_t> origin_;  // ages are counted from here
  std::vector<XidRange> ranges_;
};

}  // namespace pgcairn::postgres
