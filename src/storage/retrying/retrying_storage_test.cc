#include "storage/retrying/retrying_storage.h"

#include <gtest/gtest.h>

#include <mutex>
#include <vector>

#include "storage/memory/memory_storage.h"
#include "storage/testing/faulty_storage.h"
#include "storage/testing/get_range.h"
#include "storage/testing/storage_contract.h"

namespace pgcairn::storage {
namespace {

using std::chrono::milliseconds;

// Time that passes only by sleeping.
struct FakeTime {
  std::mutex mutex;
  double now_seconds = 5;
  std::vector<milliseconds> sleeps;

  RetryTime AsRetryTime() {
    return {[this] {
              std::lock_guard lock(mutex);
              return now_seconds;
            },
            [this](milliseconds delay) {
              std::lock_guard lock(mutex);
              sleeps.push_back(delay);
              now_seconds += static_cast<double>(delay.count()) / 1000;
            }};
  }
};

class RetryingStorageTest : public ::testing::Test {
 protected:
  RetryingStorage WithAttempts(int attempts_max) {
    return RetryingStorage(faulty_, {.attempts_max = attempts_max}, time_.AsRetryTime());
  }
  static std::string ContentOf(Result<Bytes> content) {
    return content.ok() ? ToString(*content) : content.error().message;
  }

  FakeTime time_;
  std::shared_ptr<MemoryStorage> memory_ = std::make_shared<MemoryStorage>();
  std::shared_ptr<FaultyStorage> faulty_ = std::make_shared<FaultyStorage>(memory_);
};

// A storage that fails often, before and after the effect, must look like one that never fails.
std::shared_ptr<Storage> OverUnreliableMemory() {
  auto faulty = std::make_shared<FaultyStorage>(std::make_shared<MemoryStorage>());
  faulty->FailAtRandom(42, 0.3);
  RetryTime instantly{MonotonicSeconds, [](milliseconds) {}};
  return std::make_shared<RetryingStorage>(faulty, RetryPolicy{.attempts_max = 40}, instantly);
}

INSTANTIATE_TEST_SUITE_P(Retrying, StorageContract,
                         ::testing::Values(StorageFactory{"OverUnreliableMemory",
                                                          OverUnreliableMemory}),
                         StorageFactoryName);

TEST_F(RetryingStorageTest, FailuresThatMayPassAreRepeated) {
  for (Code code : {Code::kStorage, Code::kConnection}) {
    ASSERT_TRUE(memory_->Delete("a").ok());
    faulty_->Add({.times = 2, .code = code});
    RetryingStorage storage = WithAttempts(3);
    EXPECT_TRUE(storage.PutIfAbsent("a", AsBytes("x")).ok());
    EXPECT_EQ(ContentOf(memory_->Get("a", 9)), "x");
  }
}

TEST_F(RetryingStorageTest, EveryKindOfRequestIsRepeated) {
  ASSERT_TRUE(memory_->PutIfAbsent("a", AsBytes("xyz")).ok());
  for (Request kind :
       {Request::kGet, Request::kGetRange, Request::kStat, Request::kList, Request::kDelete}) {
    faulty_->Add({.request = kind});
  }
  RetryingStorage storage = WithAttempts(2);
  EXPECT_TRUE(storage.Get("a", 9).ok());
  EXPECT_TRUE(GetRange(storage, "a", 0, 1).ok());
  EXPECT_TRUE(storage.Stat("a").ok());
  EXPECT_TRUE(storage.List("").ok());
  EXPECT_TRUE(storage.Delete("a").ok());
  EXPECT_EQ(time_.sleeps.size(), 5u);
}

TEST_F(RetryingStorageTest, AnswersAreNotRepeated) {
  for (Code code : {Code::kNotFound, Code::kDamaged, Code::kNoSpace, Code::kPermission,
                    Code::kUnsupported, Code::kRefused, Code::kCancelled}) {
    faulty_->Add({.request = Request::kGet, .code = code});
    EXPECT_EQ(WithAttempts(5).Get("a", 9).code(), code);
  }
  EXPECT_TRUE(time_.sleeps.empty());
}

TEST_F(RetryingStorageTest, TheLastFailureIsReportedWithTheNumberOfAttempts) {
  faulty_->Add({.times = 100});
  Result<Bytes> content = WithAttempts(4).Get("a", 9);
  EXPECT_EQ(content.code(), Code::kStorage);
  EXPECT_NE(content.error().message.find("(tried 4 times)"), std::string::npos)
      << content.error().message;
  EXPECT_EQ(faulty_->calls(), 4u);
}

TEST_F(RetryingStorageTest, DelaysDoubleAndAreBounded) {
  faulty_->Add({.times = 100});
  RetryingStorage storage(faulty_,
                          {.attempts_max = 8,
                           .delay_first = milliseconds(100),
                           .delay_longest = milliseconds(1000),
                           .elapsed_max = milliseconds(1'000'000)},
                          time_.AsRetryTime());
  EXPECT_FALSE(storage.Stat("a").ok());
  const int64_t longest[] = {100, 200, 400, 800, 1000, 1000, 1000};
  ASSERT_EQ(time_.sleeps.size(), std::size(longest));
  for (size_t i = 0; i < std::size(longest); ++i) {
    EXPECT_LE(time_.sleeps[i].count(), longest[i]);
    EXPECT_GE(time_.sleeps[i].count(), longest[i] / 2);
  }
}

TEST_F(RetryingStorageTest, NoAttemptBeginsAfterTheTimeIsUp) {
  faulty_->Add({.times = 1000});
  RetryingStorage storage(faulty_,
                          {.attempts_max = 1000,
                           .delay_first = milliseconds(100),
                           .delay_longest = milliseconds(100),
                           .elapsed_max = milliseconds(1000)},
                          time_.AsRetryTime());
  EXPECT_FALSE(storage.Stat("a").ok());
  EXPECT_LE(time_.now_seconds, 6.0);
  EXPECT_GE(faulty_->calls(), 9u);
  EXPECT_LE(faulty_->calls(), 21u);
}

TEST_F(RetryingStorageTest, APutWhoseReplyWasLostIsOk) {
  faulty_->Add({.request = Request::kPut, .effect = FaultEffect::kFailAfter});
  ByteView parts[] = {AsBytes("one "), ByteView(), AsBytes("two")};
  RetryingStorage storage = WithAttempts(3);
  EXPECT_TRUE(storage.PutIfAbsent("a", std::span<const ByteView>(parts)).ok());
  EXPECT_EQ(ContentOf(memory_->Get("a", 9)), "one two");
}

TEST_F(RetryingStorageTest, ReadingBackIsRepeatedToo) {
  faulty_->Add({.request = Request::kPut, .effect = FaultEffect::kFailAfter});
  faulty_->Add({.request = Request::kGet, .times = 2});
  EXPECT_TRUE(WithAttempts(3).PutIfAbsent("a", AsBytes("x")).ok());
}

TEST_F(RetryingStorageTest, AfterALostReplyOtherBytesAreStillTaken) {
  for (const char* other : {"theirs", "ours, but longer", "our", "", "ourz"}) {
    auto memory = std::make_shared<MemoryStorage>();
    auto faulty = std::make_shared<FaultyStorage>(memory);
    ASSERT_TRUE(memory->PutIfAbsent("a", AsBytes(other)).ok());
    faulty->Add({.request = Request::kPut});
    RetryingStorage storage(faulty, {}, time_.AsRetryTime());
    Status put = storage.PutIfAbsent("a", AsBytes("ours"));
    ASSERT_FALSE(put.ok()) << other;
    EXPECT_EQ(put.code(), Code::kAlreadyExists);
    EXPECT_EQ(ContentOf(memory->Get("a", 99)), other);
  }
}

TEST_F(RetryingStorageTest, WithoutAFailureTheSameBytesAreTaken) {
  ASSERT_TRUE(memory_->PutIfAbsent("a", AsBytes("same")).ok());
  Status put = WithAttempts(3).PutIfAbsent("a", AsBytes("same"));
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.code(), Code::kAlreadyExists);
}

TEST_F(RetryingStorageTest, AnObjectDeletedBetweenPutAndReadingBackIsPutAgain) {
  faulty_->Add({.request = Request::kPut, .effect = FaultEffect::kFailAfter});
  faulty_->Add({.request = Request::kGet, .effect = FaultEffect::kRunHook, .hook = [&] {
                  EXPECT_TRUE(memory_->Delete("a").ok());
                }});
  EXPECT_TRUE(WithAttempts(4).PutIfAbsent("a", AsBytes("x")).ok());
  EXPECT_EQ(ContentOf(memory_->Get("a", 9)), "x");
}

}  // namespace
}  // namespace pgcairn::storage
