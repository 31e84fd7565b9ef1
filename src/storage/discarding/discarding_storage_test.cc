#include "storage/discarding/discarding_storage.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace pgcairn::storage
