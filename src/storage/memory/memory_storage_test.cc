#include "storage/memory/memory_storage.h"

#include <gtest/gtest.h>

#include "storage/testing/storage_contract.h"

namespace pgcairn::storage {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, StorageContract,
                         ::testing::Values(StorageFactory{
                             "Plain", [] { return std::make_shared<MemoryStorage>(); }}),
                         StorageFactoryName);

TEST(MemoryStorage, ANameIsNotBothObjectAndDirectory) {
  MemoryStorage storage;
  ASSERT_TRUE(storage.PutIfAbsent("a/b/c", AsBytes("x")).ok());
  for (const char* name : {"a", "a/b", "a/b/c/d", "a/b/c/d/e"}) {
    EXPECT_EQ(storage.PutIfAbsent(name, AsBytes("x")).code(), Code::kRefused) << name;
  }
  EXPECT_TRUE(storage.PutIfAbsent("a/b-", AsBytes("x")).ok());
  EXPECT_TRUE(storage.PutIfAbsent("a/b0/c", AsBytes("x")).ok());
}

}  // namespace
}  // namespace pgcairn::storage
