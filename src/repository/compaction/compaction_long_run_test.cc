// What the choice of packs comes to in 400 days of random changes: the factors that
// docs/compaction.md states, on a smaller database with smaller packs.
#include <gtest/gtest.h>

#include <algorithm>

#include "repository/compaction/compaction.h"
#include "repository/testing/simulated_history.h"

namespace pgcairn::repository {
namespace {

constexpr uint32_t kKept = 7;

std::vector<uint32_t> NewestSeven(uint32_t newest) {
  std::vector<uint32_t> kept;
  for (uint32_t age = std::min(newest + 1, kKept); age > 0; --age) kept.push_back(newest + 1 - age);
  return kept;
}

CompactionFactors FactorsOf(double live_share_min, SimulatedLoad load = {}) {
  load.pages = 100'000;
  load.pack_bytes = 2 * kSmallPackBytes;
  return SimulateCompaction(load, live_share_min, {{"keep 7", NewestSeven}});
}

TEST(CompactionLongRun, DefaultKeepsToItsThreeFactors) {
  for (uint64_t seed : {1, 2, 3}) {
    const CompactionFactors factors = FactorsOf(kLiveShareMinDefault, {.seed = seed});
    EXPECT_LE(factors.written_per_changed, 2.0);
    EXPECT_LE(factors.packs_per_live.max, 1.5);
    EXPECT_LE(factors.read_per_live.max, 1.5);
    EXPECT_LE(factors.stored_per_live[0].max, 1.5);
  }
}

TEST(CompactionLongRun, WithoutItStorageGrows) {
  const CompactionFactors factors = FactorsOf(0);
  EXPECT_EQ(factors.written_per_changed, 1.0);
  EXPECT_GT(factors.stored_per_live[0].max, 3);
}

TEST(CompactionLongRun, ALargerShareWritesMoreAndKeepsLess) {
  CompactionFactors before = FactorsOf(0.3);
  for (double share : {0.4, 0.5, 0.6, 0.7}) {
    const CompactionFactors factors = FactorsOf(share);
    EXPECT_GT(factors.written_per_changed, before.written_per_changed) << share;
    EXPECT_LE(factors.written_per_changed, 1 / (1 - share)) << share;
    EXPECT_LT(factors.packs_per_live.mean, before.packs_per_live.mean) << share;
    before = factors;
  }
}

TEST(CompactionLongRun, ManySmallBackupsLeaveFewPacks) {
  // 96 backups a day of about 65 KiB each: 1,920 in all.
  const SimulatedLoad load{
      .days = 20, .backups_a_day = 96, .pages = 20'000, .updated_share_a_day = 0.1};
  const CompactionFactors without = SimulateCompaction(load, 0, {});
  const CompactionFactors with = SimulateCompaction(load, kLiveShareMinDefault, {});
  EXPECT_GT(without.packs, 1'500u);
  EXPECT_LT(with.packs, 100u);
  // Changed, merged once, and emptied by share.
  EXPECT_LE(with.written_per_changed, 3.0);
  EXPECT_LE(with.read_per_live.max, 1.5);
}

}  // namespace
}  // namespace pgcairn::repository
