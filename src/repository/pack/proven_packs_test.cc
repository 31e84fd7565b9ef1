#include "repository/pack/proven_packs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "repository/pack/pack_builder.h"
#include "repository/testing/memory_cluster.h"
#include "storage/counting/counting_storage.h"
#include "storage/testing/get_range.h"

namespace pgcairn::repository {
namespace {

using storage::Request;

class ProvenPacksTest : public ::testing::Test {
 protected:
  // `count` packs of about `bytes` bytes, sorted as a reference list is.
  void MakePacks(size_t count, size_t bytes) {
    Encoder encoder(1);
    for (size_t i = 0; i < count; ++i) {
      Result<PackBuilder> builder = PackBuilder::Begin(
          ObjectKind::kDataPack, cluster_.access->keys.Current(), cluster_.access->place, &encoder);
      CHECK(builder.ok() && builder->Add(RandomContent(bytes, i)).ok());
      FinishedPack pack = builder->Finish();
      CHECK(cluster_.storage->PutIfAbsent(NameOf(pack.reference.sha256), pack.view()).ok());
      packs_.push_back({pack.reference.sha256, pack.reference.length});
    }
    std::sort(packs_.begin(), packs_.end(),
              [](const StoredPack& a, const StoredPack& b) { return a.sha256 < b.sha256; });
  }

  std::string NameOf(const crypto::Sha256Digest& sha256) {
    return cluster_.access->names.Pack(sha256);
  }
  std::string NameOf(size_t index) { return NameOf(packs_[index].sha256); }

  ProvenPacks Prove(uint64_t memory_bytes_max = 1 << 20) {
    return {*counting_, cluster_.access->names, packs_, memory_bytes_max,
            [this](uint64_t bytes) { read_bytes_ += bytes; }};
  }

  uint64_t Requests() { return counting_->Count(Request::kGetRange).requests; }

  MemoryCluster cluster_ = MakeMemoryCluster();
  std::shared_ptr<storage::CountingStorage> counting_ =
      std::make_shared<storage::CountingStorage>(cluster_.storage);
  std::vector<StoredPack> packs_;
  std::atomic<uint64_t> read_bytes_{0};
};

TEST_F(ProvenPacksTest, APackIsReadOnceForAllItsRanges) {
  MakePacks(1, 10'000);
  ProvenPacks packs = Prove();
  Bytes whole = Content(*cluster_.storage, NameOf(0));
  for (uint64_t at : {0u, 5000u, 100u, 9000u}) {
    Result<Bytes> range = storage::GetRange(packs, NameOf(0), at, 50);
    ASSERT_TRUE(range.ok());
    EXPECT_TRUE(std::equal(range->begin(), range->end(), whole.begin() + static_cast<long>(at)));
  }
  EXPECT_EQ(Requests(), 1u);
  EXPECT_EQ(read_bytes_, whole.size());
  EXPECT_EQ(storage::GetRange(packs, NameOf(0), whole.size(), 1).code(), Code::kDamaged);
}

TEST_F(ProvenPacksTest, NoRangeOfADamagedPackIsHandedOut) {
  MakePacks(3, 10'000);
  Bytes changed = Content(*cluster_.storage, NameOf(0));
  changed.back() ^= 1;
  Replace(*cluster_.storage, NameOf(0), changed);
  Bytes shorter = Content(*cluster_.storage, NameOf(1));
  shorter.pop_back();
  Replace(*cluster_.storage, NameOf(1), shorter);
  ASSERT_TRUE(cluster_.storage->Delete(NameOf(2)).ok());
  ProvenPacks packs = Prove();
  for (size_t i : {0u, 1u, 2u}) {
    EXPECT_FALSE(packs.IsBad(packs_[i].sha256));
    EXPECT_EQ(storage::GetRange(packs, NameOf(i), 200, 10).code(),
              i == 2 ? Code::kNotFound : Code::kDamaged);
    EXPECT_EQ(storage::GetRange(packs, NameOf(i), 200, 10).code(),
              i == 2 ? Code::kNotFound : Code::kDamaged);
    EXPECT_TRUE(packs.IsBad(packs_[i].sha256));
    EXPECT_TRUE(packs.ProblemOf(i).has_value());
  }
  EXPECT_EQ(Requests(), 1u) << "a damaged pack is read once too, and those of a wrong length never";
}

TEST_F(ProvenPacksTest, WhatLeftTheMemoryIsReadByRangesAndNotProvenAgain) {
  MakePacks(4, 10'000);
  ProvenPacks packs = Prove(15'000);
  for (size_t i = 0; i < 4; ++i) ASSERT_TRUE(storage::GetRange(packs, NameOf(i), 0, 10).ok());
  EXPECT_EQ(Requests(), 4u);
  const uint64_t bytes = counting_->Count(Request::kGetRange).bytes;
  ASSERT_TRUE(storage::GetRange(packs, NameOf(0), 300, 10).ok());
  EXPECT_EQ(Requests(), 5u);
  EXPECT_EQ(counting_->Count(Request::kGetRange).bytes, bytes + 10);
}

TEST_F(ProvenPacksTest, ProvingReadsWhatWasNotReadAndKeepsNothing) {
  MakePacks(2, 10'000);
  ProvenPacks packs = Prove();
  ASSERT_TRUE(storage::GetRange(packs, NameOf(0), 0, 10).ok());
  EXPECT_TRUE(packs.Prove(0).ok());
  EXPECT_TRUE(packs.Prove(1).ok());
  EXPECT_EQ(Requests(), 2u);
  ASSERT_TRUE(storage::GetRange(packs, NameOf(1), 0, 10).ok());
  EXPECT_EQ(Requests(), 3u);
}

TEST_F(ProvenPacksTest, AnImpossibleLengthIsNotBelieved) {
  MakePacks(1, 100);
  packs_[0].length = uint64_t{1} << 60;
  ProvenPacks packs = Prove();
  EXPECT_EQ(packs.Prove(0).code(), Code::kDamaged);
  EXPECT_EQ(Requests(), 0u);
}

TEST_F(ProvenPacksTest, OtherObjectsAreReadAsTheyAreAndNothingIsWritten) {
  MakePacks(1, 100);
  ProvenPacks packs = Prove();
  EXPECT_TRUE(storage::GetRange(packs, "repository", 0, 7).ok());
  EXPECT_TRUE(packs.Get("repository", 1000).ok());
  EXPECT_EQ(packs.PutIfAbsent("new", AsBytes("x")).code(), Code::kRefused);
  EXPECT_EQ(packs.Delete("repository").code(), Code::kRefused);
  EXPECT_TRUE(packs.Stat("repository").ok());
}

TEST_F(ProvenPacksTest, ManyThreadsReadEachPackOnceInLittleMemory) {
  MakePacks(20, 10'000);
  ProvenPacks packs = Prove(uint64_t{2} * LargeBuffer::MemoryOf(packs_[0].length));
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < 200; ++i) {
        Result<Bytes> range = storage::GetRange(packs, NameOf((i * (t + 1)) % 20), i, 100);
        if (!range.ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  uint64_t all_bytes = 0;
  for (const StoredPack& pack : packs_) all_bytes += pack.length;
  EXPECT_EQ(read_bytes_, all_bytes);
}

}  // namespace
}  // namespace pgcairn::repository
