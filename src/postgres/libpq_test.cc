#include "postgres/libpq.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace pgcairn::postgres {
namespace {

TEST(Libpq, IsLoadedOnceByWhoeverComesFirst) {
  constexpr size_t kThreads = 8;
  std::vector<const LibpqFunctions*> seen(kThreads);
  std::atomic<size_t> ready{0};
  std::vector<std::thread> threads;
  for (const LibpqFunctions*& functions : seen) {
    threads.emplace_back([&] {
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      if (LoadLibpq().ok()) functions = &Libpq();
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_NE(seen[0], nullptr);
  EXPECT_NE(seen[0]->PQconnectdbParams, nullptr);
  EXPECT_EQ(seen, std::vector(kThreads, seen[0]));
}

}  // namespace
}  // namespace pgcairn::postgres
