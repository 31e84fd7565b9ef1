#include "storage/counting/counting_storage.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "storage/memory/memory_storage.h"
#include "storage/testing/faulty_storage.h"
#include "storage/testing/get_range.h"
#include "storage/testing/storage_contract.h"

namespace pgcairn::storage {
namespace {

INSTANTIATE_TEST_SUITE_P(
    Counting, StorageContract,
    ::testing::Values(StorageFactory{
        "OverMemory",
        [] { return std::make_shared<CountingStorage>(std::make_shared<MemoryStorage>()); }}),
    StorageFactoryName);

void ExpectCount(const CountingStorage& storage, Request kind, uint64_t requests, uint64_t failed,
                 uint64_t bytes) {
  RequestCount count = storage.Count(kind);
  EXPECT_EQ(count.requests, requests);
  EXPECT_EQ(count.failed, failed);
  EXPECT_EQ(count.bytes, bytes);
}

TEST(CountingStorage, EachKindIsCountedWithItsBytes) {
  auto faulty = std::make_shared<FaultyStorage>(std::make_shared<MemoryStorage>());
  CountingStorage storage(faulty);
  ByteView parts[] = {AsBytes("12345"), AsBytes("678")};
  EXPECT_TRUE(storage.PutIfAbsent("a", std::span<const ByteView>(parts)).ok());
  EXPECT_FALSE(storage.PutIfAbsent("a", AsBytes("again")).ok());
  EXPECT_TRUE(storage.Get("a", 100).ok());
  EXPECT_FALSE(storage.Get("absent", 100).ok());
  EXPECT_FALSE(storage.Get("a", 1).ok());
  EXPECT_TRUE(GetRange(storage, "a", 2, 3).ok());
  EXPECT_FALSE(GetRange(storage, "a", 2, 300).ok());
  EXPECT_TRUE(storage.Stat("a").ok());
  EXPECT_TRUE(storage.List("").ok());
  faulty->Add({});
  EXPECT_FALSE(storage.Delete("a").ok());
  EXPECT_TRUE(storage.Delete("a").ok());
  ExpectCount(storage, Request::kPut, 2, 0, 8);
  ExpectCount(storage, Request::kGet, 3, 1, 8);
  ExpectCount(storage, Request::kGetRange, 2, 1, 3);
  ExpectCount(storage, Request::kStat, 1, 0, 0);
  ExpectCount(storage, Request::kList, 1, 0, 0);
  ExpectCount(storage, Request::kDelete, 2, 1, 0);
}

TEST(CountingStorage, NoRequestOfManyThreadsIsLost) {
  CountingStorage storage(std::make_shared<MemoryStorage>());
  ASSERT_TRUE(storage.PutIfAbsent("a", AsBytes("12")).ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) EXPECT_TRUE(storage.Get("a", 2).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  ExpectCount(storage, Request::kGet, 4000, 0, 8000);
}

}  // namespace
}  // namespace pgcairn::storage
