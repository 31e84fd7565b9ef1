#include "util/bounded_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace pgcairn {
namespace {

TEST(BoundedQueue, WhatManyPutInManyTakeOutOnce) {
  constexpr int kProducers = 4;
  constexpr int kConsumers = 3;
  constexpr int kItems = 2000;
  // So small that both sides have to wait.
  BoundedQueue<int> queue(2);
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&queue, producer] {
      for (int i = 0; i < kItems; ++i) EXPECT_TRUE(queue.Push(producer * kItems + i));
    });
  }
  std::vector<std::vector<int>> taken(kConsumers);
  std::vector<std::thread> consumers;
  for (std::vector<int>& mine : taken) {
    consumers.emplace_back([&queue, &mine] {
      while (std::optional<int> item = queue.Pop()) mine.push_back(*item);
    });
  }
  for (std::thread& thread : producers) thread.join();
  queue.Close();
  for (std::thread& thread : consumers) thread.join();
  std::multiset<int> all;
  for (const std::vector<int>& mine : taken) all.insert(mine.begin(), mine.end());
  ASSERT_EQ(all.size(), size_t{kProducers * kItems});
  EXPECT_EQ(std::set<int>(all.begin(), all.end()).size(), all.size());
}

TEST(BoundedQueue, NeverHoldsMoreThanItsCapacity) {
  // Each item is one of the living, whose number is looked at whenever one more was taken in.
  std::atomic<int> alive{0};
  int most = 0;
  {
    auto make = [&alive] {
      ++alive;
      return std::shared_ptr<int>(new int(0), [&alive](int* item) {
        --alive;
        delete item;
      });
    };
    BoundedQueue<std::shared_ptr<int>> queue(3);
    std::thread consumer([&queue] {
      while (queue.Pop()) {
      }
    });
    for (int i = 0; i < 2000; ++i) {
      EXPECT_TRUE(queue.Push(make()));
      most = std::max(most, alive.load());
    }
    queue.Close();
    consumer.join();
  }
  // Three that wait and one that the consumer holds.
  EXPECT_LE(most, 4);
  EXPECT_EQ(alive, 0);
}

TEST(BoundedQueue, ClosingWakesAllWhoWait) {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.Push(7));
  std::vector<std::thread> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back([&empty] { EXPECT_FALSE(empty.Pop().has_value()); });
    waiting.emplace_back([&full] { EXPECT_FALSE(full.Push(8)); });
  }
  empty.Close();
  full.Close();
  for (std::thread& thread : waiting) thread.join();
}

TEST(BoundedQueue, ClosedItTakesNothingInAndGivesOutWhatItHas) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.Push(1));
  ASSERT_TRUE(queue.Push(2));
  queue.Close();
  EXPECT_FALSE(queue.Push(3));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), 2);
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

}  // namespace
}  // namespace pgcairn
