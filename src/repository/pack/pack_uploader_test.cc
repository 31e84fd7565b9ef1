#include "repository/pack/pack_uploader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "repository/testing/memory_cluster.h"
#include "storage/forwarding/forwarding_storage.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::repository {
namespace {

using storage::FaultyStorage;
using storage::Request;

class PackUploaderTest : public ::testing::Test {
 protected:
  FinishedPack NewPack(uint64_t seed) {
    Encoder encoder(1);
    PackBuilder builder = PackBuilder::Begin(ObjectKind::kDataPack, cluster_.access->keys.Current(),
                                             cluster_.access->place, &encoder)
                              .value();
    CHECK(builder.Add(RandomContent(1000, seed)).ok());
    return builder.Finish();
  }

  std::shared_ptr<FaultyStorage> faulty_ =
      std::make_shared<FaultyStorage>(std::make_shared<storage::MemoryStorage>());
  MemoryCluster cluster_ = MakeMemoryCluster(faulty_);
};

TEST_F(PackUploaderTest, WhatWasSubmittedIsStoredWhenFinishReturns) {
  PackUploader uploader(*faulty_, cluster_.access->names, 2, 2);
  std::mutex mutex;
  std::set<std::string> submitted;
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < 20; ++i) {
        FinishedPack pack = NewPack(thread * 100 + i);
        {
          std::lock_guard lock(mutex);
          submitted.insert(pack.reference.sha256.ToHex());
        }
        EXPECT_TRUE(uploader.Submit(std::move(pack)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(uploader.Finish().ok());
  std::set<std::string> stored;
  for (const StoredPack& pack : uploader.Stored()) {
    stored.insert(pack.sha256.ToHex());
    EXPECT_EQ(faulty_->Stat(cluster_.access->names.Pack(pack.sha256))->size_bytes, pack.length);
  }
  EXPECT_EQ(stored, submitted);
  EXPECT_EQ(stored.size(), 60u);
}

TEST_F(PackUploaderTest, AFailureIsReportedAndEndsTheThreads) {
  faulty_->Add({.request = Request::kPut,
                .name_contains = "packs/",
                .nth = 3,
                .times = UINT64_MAX / 2,
                .code = Code::kNoSpace});
  PackUploader uploader(*faulty_, cluster_.access->names, 2, 2);
  // Far more than the queue holds: whoever submits must not wait for ever.
  Status submitted;
  for (uint64_t i = 0; i < 50 && submitted.ok(); ++i) submitted = uploader.Submit(NewPack(i));
  Status finished = uploader.Finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.code(), Code::kNoSpace);
  EXPECT_NE(finished.error().message.find("packs/"), std::string::npos);
  ASSERT_FALSE(submitted.ok());
  EXPECT_EQ(submitted.code(), Code::kNoSpace);
  EXPECT_EQ(uploader.Stored().size(), 2u);
  EXPECT_FALSE(uploader.Submit(NewPack(99)).ok());
}

// Keeps the put of one pack waiting.
class Hanging : public storage::ForwardingStorage {
 public:
  Hanging(storage::Storage& inner, std::string name)
      : ForwardingStorage(inner), name_(std::move(name)) {}
  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override {
    if (name == name_) released_.get_future().wait();
    return ForwardingStorage::PutIfAbsent(name, parts);
  }
  void Release() { released_.set_value(); }

 private:
  const std::string name_;
  std::promise<void> released_;
};

TEST_F(PackUploaderTest, DrainWaitsForEachPackAndNotForAsMany) {
  FinishedPack slow = NewPack(1);
  Hanging hanging(*faulty_, cluster_.access->names.Pack(slow.reference.sha256));
  PackUploader uploader(hanging, cluster_.access->names, 2, 4);
  ASSERT_TRUE(uploader.Submit(std::move(slow)).ok());
  std::future<Status> drained = std::async(std::launch::async, [&] { return uploader.Drain(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  for (uint64_t i = 2; i < 6; ++i) ASSERT_TRUE(uploader.Submit(NewPack(i)).ok());
  while (uploader.Stored().size() < 4) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(drained.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  hanging.Release();
  EXPECT_TRUE(drained.get().ok());
  EXPECT_EQ(uploader.Stored().size(), 5u);
  EXPECT_TRUE(uploader.Finish().ok());
}

TEST_F(PackUploaderTest, TheLastPackFailingIsReportedByFinish) {
  faulty_->Add({.request = Request::kPut, .name_contains = "packs/", .nth = 2});
  PackUploader uploader(*faulty_, cluster_.access->names, 1, 2);
  ASSERT_TRUE(uploader.Submit(NewPack(1)).ok());
  (void)uploader.Submit(NewPack(2));
  EXPECT_EQ(uploader.Finish().code(), Code::kStorage);
}

TEST_F(PackUploaderTest, GivenUpWithoutFinishItEnds) {
  PackUploader uploader(*faulty_, cluster_.access->names, 2, 4);
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(uploader.Submit(NewPack(i)).ok());
}

TEST_F(PackUploaderTest, APackThatIsThereAlreadyCountsAsStored) {
  FinishedPack pack = NewPack(1);
  ASSERT_TRUE(
      faulty_->PutIfAbsent(cluster_.access->names.Pack(pack.reference.sha256), pack.view()).ok());
  PackUploader uploader(*faulty_, cluster_.access->names, 1, 1);
  ASSERT_TRUE(uploader.Submit(std::move(pack)).ok());
  ASSERT_TRUE(uploader.Finish().ok());
  EXPECT_EQ(uploader.Stored().size(), 1u);
}

}  // namespace
}  // namespace pgcairn::repository
