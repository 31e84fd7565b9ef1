#include "commands/work_in_parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <vector>

namespace pgcairn::commands {
namespace {

TEST(WorkInParallel, EveryItemIsDoneOnceWhateverTheNumberOfThreads) {
  Progress progress(ProgressStyle::kNone, "", 0);
  for (size_t threads : {1u, 3u, 50u}) {
    std::vector<std::atomic<int>> done(40);
    WorkInParallel(threads, done.size(), progress,
                   [&]() -> Worker { return [&](size_t item) { ++done[item]; }; });
    for (const std::atomic<int>& times : done) EXPECT_EQ(times, 1);
  }
  WorkInParallel(2, 0, progress, []() -> Worker { return [](size_t) { FAIL(); }; });
}

TEST(WorkInParallel, EachThreadHasAWorkerOfItsOwn) {
  Progress progress(ProgressStyle::kNone, "", 0);
  std::atomic<int> made{0};
  std::atomic<int> total{0};
  WorkInParallel(4, 100, progress, [&]() -> Worker {
    ++made;
    auto mine = std::make_shared<int>(0);  // a data race if it were shared
    return [&total, mine](size_t) {
      ++*mine;
      ++total;
    };
  });
  EXPECT_EQ(made, 4);
  EXPECT_EQ(total, 100);
}

}  // namespace
}  // namespace pgcairn::commands
