#include "commands/leaf_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
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

Leaves Take(LeafQueue& queue, LeafQueue::Turn& turn, size_t count) {
  Leaves taken;
  for (size_t i = 0; i < count; ++i) {
    std::optional<size_t> leaf = queue.Next(turn);
    if (!leaf) break;
    taken.push_back(*leaf);
  }
  return taken;
}

TEST(LeafQueue, AThreadStaysInItsFileAndTheLongestComesFirst) {
  LeafQueue queue(Parts({{1}, {2}, {2}, {3}, {3}, {3}}));
  LeafQueue::Turn one;
  LeafQueue::Turn two;
  EXPECT_EQ(Take(queue, one, 1), (Leaves{3}));
  EXPECT_EQ(Take(queue, two, 2), (Leaves{1, 2}));
  EXPECT_EQ(Take(queue, one, 2), (Leaves{4, 5}));
  EXPECT_EQ(Take(queue, two, 9), (Leaves{0}));
  EXPECT_EQ(Take(queue, one, 9), (Leaves{}));
}

TEST(LeafQueue, WhoHasNoFileLeftHelpsFromTheOtherEnd) {
  LeafQueue queue(Parts({{1}, {1}, {1}, {1}}));
  LeafQueue::Turn one;
  LeafQueue::Turn two;
  EXPECT_EQ(Take(queue, one, 1), (Leaves{0}));
  EXPECT_EQ(Take(queue, two, 2), (Leaves{3, 2}));
  EXPECT_EQ(Take(queue, one, 9), (Leaves{1}));
  EXPECT_EQ(Take(queue, two, 9), (Leaves{}));
}

TEST(LeafQueue, LeavesThatShareAFileAreOfOneThread) {
  LeafQueue queue(Parts({{1, 2, 3}, {3}, {3, 4}, {5}}));
  LeafQueue::Turn one;
  LeafQueue::Turn two;
  EXPECT_EQ(Take(queue, one, 1), (Leaves{0}));
  EXPECT_EQ(Take(queue, two, 1), (Leaves{3}));
  EXPECT_EQ(Take(queue, one, 2), (Leaves{1, 2}));
}

TEST(LeafQueue, LeavesWithoutPartsAreLeftOut) {
  LeafQueue queue(Parts({{}, {1}, {}, {1}}));
  LeafQueue::Turn turn;
  EXPECT_EQ(Take(queue, turn, 9), (Leaves{1, 3}));
  LeafQueue empty(Parts({}));
  LeafQueue::Turn none;
  EXPECT_EQ(Take(empty, none, 1), (Leaves{}));
}

TEST(LeafQueue, ManyThreadsGetEachLeafOnce) {
  std::vector<std::vector<uint32_t>> leaves;
  for (uint32_t i = 0; i < 5000; ++i) leaves.push_back({i / (i % 7 + 1)});
  LeafQueue queue(Parts(leaves));
  std::vector<std::atomic<int>> given(leaves.size());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      LeafQueue::Turn turn;
      while (std::optional<size_t> leaf = queue.Next(turn)) ++given[*leaf];
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(std::ranges::all_of(given, [](const auto& times) { return times == 1; }));
}

}  // namespace
}  // namespace pgcairn::commands
