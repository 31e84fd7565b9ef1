#include "repository/compaction/compaction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace pgcairn::repository {
namespace {

constexpr uint64_t kMiB = 1024 * 1024;
constexpr double kHalf = kLiveShareMinDefault;

crypto::Sha256Digest Name(uint8_t number) {
  crypto::Sha256Digest name;
  name.bytes.fill(number);
  return name;
}

PackUse Pack(uint8_t number, uint64_t stored_bytes, uint64_t live_bytes) {
  return {Name(number), stored_bytes, live_bytes};
}

// The numbers of the chosen packs.
std::vector<int> Chosen(const PacksToEmpty& plan) {
  std::vector<int> numbers;
  for (const PackToEmpty& pack : plan.packs) numbers.push_back(pack.sha256.bytes[0]);
  return numbers;
}

using Numbers = std::vector<int>;

// Whole packs that keep the third rule from having anything to do.
std::vector<PackUse> WithLivePacks(std::vector<PackUse> packs) {
  for (uint8_t number = 200; number < 250; ++number) {
    packs.push_back(Pack(number, 16 * kMiB, 16 * kMiB));
  }
  return packs;
}

TEST(Compaction, TakesPacksBelowTheShareWorstFirst) {
  const auto packs = WithLivePacks({Pack(1, 16 * kMiB, 7 * kMiB), Pack(2, 16 * kMiB, 8 * kMiB),
                                    Pack(3, 10 * kMiB, 1 * kMiB), Pack(4, 8 * kMiB, 2 * kMiB)});
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 100 * kMiB)), (Numbers{3, 4, 1}));
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, 0.2, 100 * kMiB)), (Numbers{3}));
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, 0.51, 100 * kMiB)), (Numbers{3, 4, 1, 2}));
}

TEST(Compaction, StopsAtThePackThatUsesUpWhatChanged) {
  const auto packs = WithLivePacks(
      {Pack(1, 16 * kMiB, 4 * kMiB), Pack(2, 16 * kMiB, 5 * kMiB), Pack(3, 16 * kMiB, 6 * kMiB)});
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 2 * kMiB)), (Numbers{1}));
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 4 * kMiB)), (Numbers{1}));
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 4 * kMiB + 1)), (Numbers{1, 2}));
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 10 * kMiB)), (Numbers{1, 2, 3}));
}

TEST(Compaction, GivesTheLastPackOnlyWhatTheOthersLeave) {
  const auto packs = WithLivePacks({Pack(1, 16 * kMiB, 4 * kMiB), Pack(2, 16 * kMiB, 5 * kMiB)});
  const PacksToEmpty plan = ChoosePacksToEmpty(packs, kHalf, 6 * kMiB);
  ASSERT_EQ(plan.packs.size(), 2u);
  EXPECT_EQ(plan.packs[0].bytes_max, 4 * kMiB);
  EXPECT_EQ(plan.packs[1].bytes_max, 2 * kMiB);
}

TEST(Compaction, MaySpendWhatChangedTimesTheShareOverItsRest) {
  const auto bytes_max = [](double live_share_min) {
    return ChoosePacksToEmpty({Pack(1, 16 * kMiB, 16 * kMiB)}, live_share_min, 1).BytesMax(12'000);
  };
  EXPECT_EQ(bytes_max(0.5), 12'000u);
  EXPECT_EQ(bytes_max(0.25), 4'000u);
  EXPECT_EQ(bytes_max(0.75), 36'000u);
  EXPECT_EQ(bytes_max(0), 0u);
  EXPECT_EQ(bytes_max(-1), 0u);
  EXPECT_EQ(bytes_max(1), 1'188'000u);
  EXPECT_EQ(bytes_max(7), 1'188'000u);
}

TEST(Compaction, LeavesAlonePacksWithNothingToStoreAfresh) {
  const auto packs = WithLivePacks({Pack(1, 16 * kMiB, 0), Pack(2, 16 * kMiB, 1)});
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 100 * kMiB)), (Numbers{2}));
  EXPECT_TRUE(ChoosePacksToEmpty({}, kHalf, 100 * kMiB).packs.empty());
  EXPECT_TRUE(ChoosePacksToEmpty({Pack(1, 0, 0)}, kHalf, 100 * kMiB).packs.empty());
}

TEST(Compaction, DoesNothingWhenNothingChangesOrTheShareIsNought) {
  const auto packs = WithLivePacks({Pack(1, 16 * kMiB, kMiB)});
  EXPECT_TRUE(ChoosePacksToEmpty(packs, kHalf, 0).packs.empty());
  EXPECT_TRUE(ChoosePacksToEmpty(packs, 0, 100 * kMiB).packs.empty());
}

TEST(Compaction, TakesFurtherPacksWhileAllTogetherAreTooLong) {
  // 1.5 times as long as what lives in them. Half allows 1.309.
  std::vector<PackUse> packs;
  for (uint8_t number = 1; number <= 12; ++number) {
    packs.push_back(Pack(number, 15 * kMiB, 10 * kMiB + number % 4));
  }
  // Each pack that goes takes 5 MiB; to come down from 180 MiB to 157 takes five.
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 100 * kMiB)), (Numbers{4, 8, 12, 1, 5}));
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 15 * kMiB)), (Numbers{4, 8}));
  // A share of 0.3 allows 1.576.
  EXPECT_TRUE(ChoosePacksToEmpty(packs, 0.3, 100 * kMiB).packs.empty());
  EXPECT_EQ(ChoosePacksToEmpty(packs, 1, 1'000 * kMiB).packs.size(), 12u);
}

TEST(Compaction, MergesSmallPacksOnceTheyTogetherAreNotSmall) {
  std::vector<PackUse> packs;
  for (uint8_t number = 1; number <= 99; ++number) {
    packs.push_back(Pack(number, 10'500, 10'500));
  }
  EXPECT_TRUE(ChoosePacksToEmpty(WithLivePacks(packs), kHalf, 10'500).packs.empty());
  packs.push_back(Pack(100, 10'500, 10'500));
  packs.push_back(Pack(101, kSmallPackBytes - 1, kSmallPackBytes - 1));
  const PacksToEmpty plan = ChoosePacksToEmpty(WithLivePacks(packs), kHalf, 10'500);
  EXPECT_EQ(plan.packs.size(), 100u);
  EXPECT_EQ(plan.packs.back().sha256, Name(100));
  EXPECT_GE(plan.BytesMax(0), 1'050'000u);
  EXPECT_LT(plan.BytesMax(0), 4 * kSmallPackBytes);
}

TEST(Compaction, DoesNotMergeAFewThatAreAlmostLargeEnough) {
  std::vector<PackUse> packs;
  for (uint8_t number = 1; number <= 9; ++number) {
    packs.push_back(Pack(number, kMiB - 10, kMiB - 10));
  }
  EXPECT_TRUE(ChoosePacksToEmpty(WithLivePacks(packs), kHalf, 10'000).packs.empty());
}

TEST(Compaction, WaitsForAMergeWhenLittleChanges) {
  std::vector<PackUse> packs =
      WithLivePacks({Pack(1, 16 * kMiB, kMiB / 2), Pack(2, 16 * kMiB, 7 * kMiB),
                     Pack(3, 16 * kMiB, 7 * kMiB + 1)});
  EXPECT_TRUE(ChoosePacksToEmpty(packs, kHalf, kSmallPackBytes - 1).packs.empty());
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, kSmallPackBytes)), (Numbers{1, 2}));
  for (uint8_t number = 10; number < 14; ++number) {
    packs.push_back(Pack(number, kMiB / 4, kMiB / 4));
  }
  const PacksToEmpty plan = ChoosePacksToEmpty(packs, kHalf, 1'000);
  EXPECT_EQ(Chosen(plan), (Numbers{10, 11, 12, 13, 1, 2}));
  EXPECT_EQ(plan.BytesMax(1'000), 2 * kMiB);
}

TEST(Compaction, DoesNotDependOnTheOrderOfThePacks) {
  std::vector<PackUse> packs;
  for (uint8_t number = 1; number <= 60; ++number) {
    const uint64_t stored = number % 3 == 0 ? 12 * kMiB : number % 3 * kMiB / 2;
    packs.push_back(Pack(number, stored, stored / (1 + number % 4)));
  }
  const Numbers first = Chosen(ChoosePacksToEmpty(packs, kHalf, 40 * kMiB));
  EXPECT_GT(first.size(), 5u);
  std::reverse(packs.begin(), packs.end());
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 40 * kMiB)), first);
  std::rotate(packs.begin(), packs.begin() + 23, packs.end());
  EXPECT_EQ(Chosen(ChoosePacksToEmpty(packs, kHalf, 40 * kMiB)), first);
}

TEST(Compaction, ChoosesEachPackOnce) {
  std::vector<PackUse> packs;
  for (uint8_t number = 1; number <= 60; ++number) {
    packs.push_back(Pack(number, kMiB - 1, kMiB / 3));
  }
  Numbers numbers = Chosen(ChoosePacksToEmpty(packs, 0.9, 1'000 * kMiB));
  EXPECT_EQ(numbers.size(), 60u);
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

TEST(Compaction, TakesLiveBytesBeyondThePackForAllOfIt) {
  EXPECT_TRUE(
      ChoosePacksToEmpty({Pack(1, 16 * kMiB, 16 * kMiB + 9)}, kHalf, 100 * kMiB).packs.empty());
}

}  // namespace
}  // namespace pgcairn::repository
