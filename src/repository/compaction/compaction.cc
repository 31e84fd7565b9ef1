#include "repository/compaction/compaction.h"

#include <algorithm>
#include <cmath>

namespace pgcairn::repository {
namespace {

constexpr double kLiveShareMinMax = 0.99;
// Merging two packs of almost the size that is not small moves much and saves one request.
constexpr size_t kMergedPacksMin = 4;

bool IsSmall(const PackUse& pack) { return pack.stored_bytes < kSmallPackBytes; }

bool BySizeAndName(const PackUse& a, const PackUse& b) {
  if (a.live_bytes != b.live_bytes) return a.live_bytes < b.live_bytes;
  return a.sha256 < b.sha256;
}

// Exact: a pack has at most kPackBytesMax bytes, so the products fit. Shares as floating point
// numbers could tie or not tie by rounding.
bool ByShareAndName(const PackUse& a, const PackUse& b) {
  const uint64_t left = a.live_bytes * b.stored_bytes;
  const uint64_t right = b.live_bytes * a.stored_bytes;
  if (left != right) return left < right;
  return a.sha256 < b.sha256;
}

bool IsBelow(double live_share_min, const PackUse& pack) {
  return static_cast<double>(pack.live_bytes) <
         live_share_min * static_cast<double>(pack.stored_bytes);
}

// Takes out of `packs` the small ones that are worth merging.
std::vector<PackUse> TakePacksToMerge(std::vector<PackUse>& packs) {
  auto small_end = std::partition(packs.begin(), packs.end(), IsSmall);
  std::sort(packs.begin(), small_end, BySizeAndName);
  uint64_t merged_bytes = 0;
  auto end = packs.begin();
  while (end != small_end && merged_bytes < kSmallPackBytes) merged_bytes += (end++)->live_bytes;
  if (merged_bytes < kSmallPackBytes) return {};
  if (static_cast<size_t>(end - packs.begin()) < kMergedPacksMin) return {};
  std::vector<PackUse> merged(packs.begin(), end);
  packs.erase(packs.begin(), end);
  return merged;
}

// What random changes leave in all packs for each byte that lives in them, when every pack is
// emptied at the share t: of each age up to ln(1/t) lies there 1 / (1 - t) of what changed then.
double StoredPerLiveInTheEnd(double t) { return std::log(1 / t) / (1 - t); }

// Somewhat less than that: the packs of a full backup fall below t after it is reached, and until
// then a run brings more than it can take away. (Simulated: at most 1.45 then for t = 0.5,
// else 1.48.)
double StoredPerLiveMax(double t) { return 1 + 0.8 * (StoredPerLiveInTheEnd(t) - 1); }

}  // namespace

uint64_t PacksToEmpty::BytesMax(uint64_t changed_bytes) const {
  const double t = live_share_min;
  const double in_proportion = static_cast<double>(changed_bytes) * t / (1 - t);
  return std::max(static_cast<uint64_t>(std::llround(in_proportion)), bytes_floor);
}

PacksToEmpty ChoosePacksToEmpty(std::vector<PackUse> packs, double live_share_min,
                                uint64_t changed_bytes) {
  PacksToEmpty chosen;
  if (!(live_share_min > 0) || changed_bytes == 0) return chosen;
  const double t = std::min(live_share_min, kLiveShareMinMax);
  chosen.live_share_min = t;
  std::erase_if(packs, [](const PackUse& pack) { return pack.live_bytes == 0; });
  // Live bytes are sums of rounded shares.
  for (PackUse& pack : packs) pack.live_bytes = std::min(pack.live_bytes, pack.stored_bytes);

  uint64_t stored = 0;
  uint64_t live = 0;
  for (const PackUse& pack : packs) {
    stored += pack.stored_bytes;
    live += pack.live_bytes;
  }
  const auto stored_max = static_cast<uint64_t>(StoredPerLiveMax(t) * static_cast<double>(live));

  uint64_t spent = 0;
  auto choose = [&](const PackUse& pack, uint64_t bytes_max) {
    chosen.packs.push_back({pack.sha256, bytes_max});
    spent += bytes_max;
    stored -= pack.stored_bytes - pack.live_bytes;
  };
  for (const PackUse& pack : TakePacksToMerge(packs)) choose(pack, pack.live_bytes);
  const bool wait_for_merge = changed_bytes < kSmallPackBytes;
  chosen.bytes_floor = wait_for_merge ? 2 * spent : spent;
  const uint64_t budget = wait_for_merge ? chosen.bytes_floor : chosen.BytesMax(changed_bytes);

  std::erase_if(packs, [](const PackUse& pack) { return pack.live_bytes == pack.stored_bytes; });
  std::sort(packs.begin(), packs.end(), ByShareAndName);
  for (const PackUse& pack : packs) {
    if (spent >= budget || (!IsBelow(t, pack) && stored <= stored_max)) break;
    choose(pack, std::min(pack.live_bytes, budget - spent));
  }
  return chosen;
}

}  // namespace pgcairn::repository
