#include "storage/discarding/discarding_storage.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "storage/memory/memory_storage.h"

namespace pgcairn::storage {
namespace {

TEST(DiscardingStorage, KeepsNothingAndReadsThrough) {
  MemoryStorage inner;
  ASSERT_TRUE(inner.PutIfAbsent("there", AsBytes("kept")).ok());
  DiscardingStorage storage(inner);
  EXPECT_TRUE(storage.PutIfAbsent("new", AsBytes("12345")).ok());
  EXPECT_EQ(storage.bytes_discarded(), 5u);
  EXPECT_EQ(inner.Get("new", 10).code(), Code::kNotFound);
  EXPECT_TRUE(storage.Delete("there").ok());
  EXPECT_EQ(ToString(*storage.Get("there", 10)), "kept");
  EXPECT_FALSE(storage.PutIfAbsent("../x", AsBytes("1")).ok());
}

TEST(DiscardingStorage, CountsWhatManyThreadsPut) {
  MemoryStorage inner;
  DiscardingStorage storage(inner);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&storage] {
      for (int n = 0; n < 2000; ++n) EXPECT_TRUE(storage.PutIfAbsent("x", AsBytes("123")).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(storage.bytes_discarded(), 4u * 2000 * 3);
}

}  // namespace
}  // namespace pgcairn::storage
