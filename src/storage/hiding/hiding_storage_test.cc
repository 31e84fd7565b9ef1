#include "storage/hiding/hiding_storage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "storage/memory/memory_storage.h"
#include "storage/testing/get_range.h"

namespace pgcairn::storage {
namespace {

class HidingStorageTest : public ::testing::Test {
 protected:
  HidingStorageTest() {
    CHECK(inner_->PutIfAbsent("a/1", AsBytes("one")).ok());
    CHECK(inner_->PutIfAbsent("a/2", AsBytes("two")).ok());
  }

  std::shared_ptr<MemoryStorage> inner_ = std::make_shared<MemoryStorage>();
  HidingStorage storage_{inner_};
};

TEST_F(HidingStorageTest, AHiddenObjectIsAbsentForEveryRead) {
  storage_.Hide("a/1");
  EXPECT_EQ(storage_.Get("a/1", 100).code(), Code::kNotFound);
  EXPECT_EQ(GetRange(storage_, "a/1", 0, 1).code(), Code::kNotFound);
  EXPECT_EQ(storage_.Stat("a/1").code(), Code::kNotFound);
  Result<Listing> listing = storage_.List("a");
  ASSERT_TRUE(listing.ok());
  ASSERT_EQ(listing->objects.size(), 1u);
  EXPECT_EQ(listing->objects[0].name, "a/2");
}

TEST_F(HidingStorageTest, OthersAndThoseShownAgainAreReadAsTheyAre) {
  storage_.Hide("a/1");
  EXPECT_EQ(ToString(*storage_.Get("a/2", 100)), "two");
  EXPECT_EQ(ToString(*GetRange(storage_, "a/2", 1, 1)), "w");
  storage_.Show("a/1");
  EXPECT_EQ(ToString(*storage_.Get("a/1", 100)), "one");
  EXPECT_EQ(storage_.Stat("a/1")->size_bytes, 3u);
}

TEST_F(HidingStorageTest, PutsAndDeletesAreRefusedAndChangeNothing) {
  storage_.Hide("a/1");
  EXPECT_EQ(storage_.PutIfAbsent("a/1", AsBytes("x")).code(), Code::kRefused);
  EXPECT_EQ(storage_.Delete("a/2").code(), Code::kRefused);
  EXPECT_EQ(ToString(*inner_->Get("a/1", 100)), "one");
  EXPECT_EQ(ToString(*inner_->Get("a/2", 100)), "two");
}

TEST_F(HidingStorageTest, WhileOneThreadHidesOthersReadTheObjectWholeOrNotAtAll) {
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        Result<Bytes> read = storage_.Get("a/1", 100);
        if (read.ok()) {
          EXPECT_EQ(ToString(*read), "one");
        } else {
          EXPECT_EQ(read.code(), Code::kNotFound);
        }
        Result<Listing> listing = storage_.List("a");
        EXPECT_TRUE(listing.ok() && !listing->objects.empty());
        EXPECT_TRUE(storage_.Stat("a/2").ok());
        ++reads;
      }
    });
  }
  for (int i = 0; i < 2000 || reads < 100; ++i) {
    storage_.Hide("a/1");
    storage_.Show("a/1");
    storage_.Hide("b/" + std::to_string(i % 100));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(ToString(*storage_.Get("a/1", 100)), "one");
}

}  // namespace
}  // namespace pgcairn::storage
