#include "util/progress.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pgcairn {
namespace {

TEST(FormatBytes, UsesDecimalUnits) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1500), "1.5 kB");
  EXPECT_EQ(FormatBytes(16'777'216), "16.8 MB");
  EXPECT_EQ(FormatBytes(4'260'000'000), "4.3 GB");
}

TEST(FormatDuration, KeepsTwoUnits) {
  EXPECT_EQ(FormatDuration(5.62), "5.6 s");
  EXPECT_EQ(FormatDuration(184), "3 min 4 s");
  EXPECT_EQ(FormatDuration(3720), "1 h 2 min");
}

TEST(Progress, NothingThatManyThreadsAddIsLost) {
  Progress progress(ProgressStyle::kNone, "test", 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&progress] {
      for (int n = 0; n < 20'000; ++n) progress.Add(3);
    });
  }
  while (progress.done_bytes() == 0) progress.Show();
  for (std::thread& thread : threads) thread.join();
  progress.Finish();
  EXPECT_EQ(progress.done_bytes(), 4u * 20'000 * 3);
}

}  // namespace
}  // namespace pgcairn
