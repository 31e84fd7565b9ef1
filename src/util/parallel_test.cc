#include "util/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace pgcairn {
namespace {

TEST(ForEachInParallel, EveryItemIsDoneOnce) {
  for (size_t threads : {0u, 1u, 2u, 7u, 40u}) {
    std::vector<std::atomic<int>> calls(33);
    Status status = ForEachInParallel(calls.size(), threads, [&](size_t, size_t item) -> Status {
      ++calls[item];
      return {};
    });
    EXPECT_TRUE(status.ok());
    for (const std::atomic<int>& count : calls) EXPECT_EQ(count, 1) << threads;
  }
  EXPECT_TRUE(ForEachInParallel(0, 4, [](size_t, size_t) -> Status {
                return Error{Code::kFailed, "called for no item", ""};
              }).ok());
}

TEST(ForEachInParallel, CallsOfOneWorkerDoNotOverlap) {
  std::vector<std::atomic<int>> busy(3);
  std::atomic<bool> overlapped = false;
  Status status = ForEachInParallel(300, busy.size(), [&](size_t worker, size_t) -> Status {
    if (busy.at(worker).fetch_add(1) != 0) overlapped = true;
    std::this_thread::yield();
    busy[worker].fetch_sub(1);
    return {};
  });
  EXPECT_TRUE(status.ok());
  EXPECT_FALSE(overlapped);
}

TEST(ForEachInParallel, TheErrorIsThatOfTheLowestItemAndNothingFollowsIt) {
  std::atomic<size_t> calls = 0;
  Status status = ForEachInParallel(1000, 4, [&](size_t, size_t item) -> Status {
    ++calls;
    if (item < 20) return {};
    return Error{Code::kDamaged, std::to_string(item), ""};
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "20");
  EXPECT_LE(calls, 24u);
}

TEST(ForEachInParallel, OneThreadIsTheCallers) {
  std::set<std::thread::id> seen;
  Status status = ForEachInParallel(5, 1, [&](size_t worker, size_t) -> Status {
    EXPECT_EQ(worker, 0u);
    seen.insert(std::this_thread::get_id());
    return {};
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(seen, std::set{std::this_thread::get_id()});
}

}  // namespace
}  // namespace pgcairn
