#include "repository/pack/wanted_blobs.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "repository/pack/pack_builder.h"
#include "repository/testing/memory_cluster.h"
#include "storage/counting/counting_storage.h"

namespace pgcairn::repository {
namespace {

using storage::CountingStorage;
using storage::Request;

struct StoredBlobs {
  PackReference pack;
  std::vector<BlobLocation> at;
  std::vector<Bytes> raw;
};

class WantedBlobsTest : public ::testing::Test {
 protected:
  StoredBlobs Store(uint64_t seed, size_t count, size_t size = 4000) {
    StoredBlobs stored;
    Encoder encoder(1);
    PackBuilder builder = PackBuilder::Begin(ObjectKind::kDataPack, cluster_.access->keys.Current(),
                                             cluster_.access->place, &encoder)
                              .value();
    for (size_t i = 0; i < count; ++i) {
      stored.raw.push_back(RandomContent(size, seed * 1000 + i));
      stored.at.push_back(builder.Add(stored.raw.back()).value());
    }
    FinishedPack pack = builder.Finish();
    stored.pack = pack.reference;
    CHECK(
        cluster_.storage->PutIfAbsent(cluster_.access->names.Pack(stored.pack.sha256), pack.view())
            .ok());
    return stored;
  }

  void Want(const StoredBlobs& stored, size_t blob) {
    wanted_.Want(wanted_.Pack(stored.pack), stored.at[blob],
                 static_cast<uint32_t>(expected_.size()));
    expected_.push_back(stored.raw[blob]);
  }

  // The tags in the order in which they came back.
  std::vector<uint32_t> ReadAll() {
    std::vector<uint32_t> tags;
    Status status =
        wanted_.Read(reader_, ObjectKind::kDataPack, [&](uint32_t tag, ByteView raw) -> Status {
          EXPECT_EQ(ToBytes(raw), expected_[tag]);
          tags.push_back(tag);
          return {};
        });
    EXPECT_TRUE(status.ok());
    return tags;
  }

  uint64_t Requests() const { return counting_->Count(Request::kGetRange).requests; }

  std::shared_ptr<CountingStorage> counting_ =
      std::make_shared<CountingStorage>(std::make_shared<storage::MemoryStorage>());
  MemoryCluster cluster_ = MakeMemoryCluster(counting_);
  BlobReader reader_{*cluster_.access};
  WantedBlobs wanted_;
  std::vector<Bytes> expected_;
};

TEST_F(WantedBlobsTest, EachPackIsReadOnceInTheOrderOfItsBlobs) {
  StoredBlobs one = Store(1, 6);
  StoredBlobs two = Store(2, 6);
  // As leaves want them: now from one, now from the other, in no order.
  for (size_t i : {4u, 0u, 5u}) {
    Want(two, i);
    Want(one, 5 - i);
  }
  EXPECT_EQ(ReadAll(), (std::vector<uint32_t>{2, 0, 4, 5, 1, 3}));
  EXPECT_EQ(Requests(), 2u);
}

TEST_F(WantedBlobsTest, ABlobThatSeveralLeavesWantIsFetchedOnce) {
  StoredBlobs one = Store(1, 3, 600'000);
  for (size_t i : {2u, 0u, 2u, 0u, 2u}) Want(one, i);
  EXPECT_EQ(ReadAll(), (std::vector<uint32_t>{1, 3, 0, 2, 4}));
  EXPECT_EQ(Requests(), 2u);
  EXPECT_LT(counting_->Count(Request::kGetRange).bytes, 1'300'000u);
}

TEST_F(WantedBlobsTest, WhatWasReadIsWantedNoLonger) {
  StoredBlobs one = Store(1, 2);
  EXPECT_EQ(ReadAll(), std::vector<uint32_t>{});
  Want(one, 0);
  EXPECT_EQ(ReadAll(), std::vector<uint32_t>{0});
  EXPECT_EQ(ReadAll(), std::vector<uint32_t>{});
  Want(one, 1);
  EXPECT_EQ(ReadAll(), std::vector<uint32_t>{1});
}

TEST_F(WantedBlobsTest, TwoReferencesToOneNameAreTwoPacks) {
  StoredBlobs one = Store(1, 1);
  PackReference forged = one.pack;
  forged.salt.bytes[0] ^= 1;
  EXPECT_NE(wanted_.Pack(one.pack), wanted_.Pack(forged));
  wanted_.Want(wanted_.Pack(forged), one.at[0], 0);
  Status status =
      wanted_.Read(reader_, ObjectKind::kDataPack, [](uint32_t, ByteView) -> Status { return {}; });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kDamaged);
}

TEST_F(WantedBlobsTest, TheFirstErrorEndsTheReading) {
  StoredBlobs one = Store(1, 3);
  StoredBlobs two = Store(2, 3);
  for (size_t i = 0; i < 3; ++i) {
    Want(one, i);
    Want(two, i);
  }
  size_t calls = 0;
  Status status = wanted_.Read(reader_, ObjectKind::kDataPack, [&](uint32_t, ByteView) -> Status {
    if (++calls < 2) return {};
    return Error{Code::kNoSpace, "full", ""};
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_EQ(calls, 2u);
  EXPECT_EQ(Requests(), 1u);
}

}  // namespace
}  // namespace pgcairn::repository
