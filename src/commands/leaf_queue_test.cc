#include "commands/leaf_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <initializer_list>
#include <thread>

namespace pgcairn::commands {
namespace {

using repository::LeafPart;
using Leaves = std::vector<size_t>;

// Each leaf by the streams that it holds parts of.
std::vector<std::vector<LeafPart>> Parts(const std::vector<std::vector<uint32_t>>& leaves) {
  std::vector<std::vector<LeafPart>> parts;
  for (const std::vector<uint32_t>& streams : leaves) {
    parts.emplace_back();
    for (uint32_t stream : streams) parts.back().push_back({stream, 0, 0, 1});
  }
  return parts;
}

Leaves Batch(std::initializer_list<size_t> leaves) { return leaves; }

TEST(LeafQueue, AThreadStaysInItsFileAndTheLongestComesFirst) {
  LeafQueue queue(Parts({{1}, {2}, {2}, {3}, {3}, {3}}), 3);
  LeafQueue::Turn one;
  LeafQueue::Turn two;
  EXPECT_EQ(queue.NextBatch(one), Batch({3}));
  EXPECT_EQ(queue.NextBatch(two), Batch({1}));
  EXPECT_EQ(queue.NextBatch(one), Batch({4}));
  EXPECT_EQ(queue.NextBatch(two), Batch({2}));
  EXPECT_EQ(queue.NextBatch(one), Batch({5}));
  EXPECT_EQ(queue.NextBatch(two), Batch({0}));
  EXPECT_EQ(queue.NextBatch(one), Batch({}));
}

TEST(LeafQueue, WhoHasNoFileLeftHelpsFromTheOtherEnd) {
  LeafQueue queue(Parts({{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}}), 2);
  LeafQueue::Turn one;
  LeafQueue::Turn two;
  EXPECT_EQ(queue.NextBatch(one), Batch({0, 1}));
  EXPECT_EQ(queue.NextBatch(two), Batch({7}));
  EXPECT_EQ(queue.NextBatch(two), Batch({6}));
  EXPECT_EQ(queue.NextBatch(one), Batch({2}));
}

TEST(LeafQueue, LeavesThatShareAFileAreOfOneThread) {
  LeafQueue queue(Parts({{1, 2, 3}, {3}, {3, 4}, {5}}), 2);
  LeafQueue::Turn one;
  LeafQueue::Turn two;
  EXPECT_EQ(queue.NextBatch(one), Batch({0}));
  EXPECT_EQ(queue.NextBatch(two), Batch({3}));
  EXPECT_EQ(queue.NextBatch(one), Batch({1}));
  EXPECT_EQ(queue.NextBatch(one), Batch({2}));
}

TEST(LeafQueue, ABatchIsWholeFilesAndNeighbouringSmallOnes) {
  std::vector<std::vector<uint32_t>> leaves;
  for (uint32_t i = 0; i < 60; ++i) leaves.push_back({1});
  for (uint32_t i = 0; i < 240; ++i) leaves.push_back({2 + i});
  LeafQueue queue(Parts(leaves), 2);
  LeafQueue::Turn one;
  LeafQueue::Turn two;
  Leaves first = queue.NextBatch(one);
  ASSERT_EQ(first.size(), kBatchLeavesMax);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i], i);
  Leaves second = queue.NextBatch(two);
  ASSERT_EQ(second.size(), 59u) << "half of its share of the 236 that are left";
  for (size_t i = 0; i < second.size(); ++i) EXPECT_EQ(second[i], kBatchLeavesMax + i);
}

TEST(LeafQueue, TowardsTheEndBatchesBecomeSmall) {
  LeafQueue queue(Parts(std::vector<std::vector<uint32_t>>(1000, {1})), 4);
  LeafQueue::Turn turn;
  std::vector<size_t> sizes;
  for (Leaves batch = queue.NextBatch(turn); !batch.empty(); batch = queue.NextBatch(turn)) {
    sizes.push_back(batch.size());
  }
  EXPECT_EQ(sizes.front(), kBatchLeavesMax);
  EXPECT_EQ(sizes.back(), 1u);
  EXPECT_TRUE(std::ranges::is_sorted(sizes, std::ranges::greater()));
}

TEST(LeafQueue, LeavesWithoutPartsAreLeftOut) {
  LeafQueue queue(Parts({{}, {1}, {}, {1}}), 1);
  LeafQueue::Turn turn;
  EXPECT_EQ(queue.NextBatch(turn), Batch({1}));
  EXPECT_EQ(queue.NextBatch(turn), Batch({3}));
  LeafQueue empty(Parts({}), 1);
  LeafQueue::Turn none;
  EXPECT_EQ(empty.NextBatch(none), Batch({}));
}

TEST(LeafQueue, ManyThreadsGetEachLeafOnce) {
  std::vector<std::vector<uint32_t>> leaves;
  for (uint32_t i = 0; i < 5000; ++i) leaves.push_back({i / (i % 7 + 1)});
  LeafQueue queue(Parts(leaves), 4);
  std::vector<std::atomic<int>> given(leaves.size());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      LeafQueue::Turn turn;
      for (Leaves batch = queue.NextBatch(turn); !batch.empty(); batch = queue.NextBatch(turn)) {
        for (size_t leaf : batch) ++given[leaf];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(std::ranges::all_of(given, [](const auto& times) { return times == 1; }));
}

}  // namespace
}  // namespace pgcairn::commands
