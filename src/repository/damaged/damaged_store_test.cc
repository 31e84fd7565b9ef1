#include "repository/damaged/damaged_store.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "repository/seal/document.h"
#include "repository/testing/memory_cluster.h"
#include "storage/readonly/readonly_storage.h"

namespace pgcairn::repository {
namespace {

using format::DamagedPack;

class DamagedStoreTest : public ::testing::Test {
 protected:
  static crypto::Sha256Digest Pack(const std::string& text) {
    return crypto::Sha256(AsBytes(text));
  }

  std::vector<crypto::Sha256Digest> Listed() {
    Result<std::vector<crypto::Sha256Digest>> packs = ListDamagedPacks(storage_, names_);
    CHECK(packs.ok());
    return *packs;
  }

  storage::MemoryStorage storage_;
  const ClusterNames names_{"main"};
};

TEST_F(DamagedStoreTest, WhatIsRecordedIsListedInRisingOrderUntilItIsRemoved) {
  EXPECT_TRUE(Listed().empty());
  std::vector<crypto::Sha256Digest> packs{Pack("a"), Pack("b"), Pack("c")};
  for (const crypto::Sha256Digest& pack : packs) {
    ASSERT_TRUE(RecordDamagedPack(storage_, names_, pack, DamagedPack::BYTES).ok());
  }
  std::sort(packs.begin(), packs.end());
  EXPECT_EQ(Listed(), packs);
  ASSERT_TRUE(RemoveDamagedPack(storage_, names_, packs[1]).ok());
  EXPECT_EQ(Listed(), (std::vector{packs[0], packs[2]}));
  EXPECT_TRUE(RemoveDamagedPack(storage_, names_, packs[1]).ok()) << "removed already";
}

TEST_F(DamagedStoreTest, ARecordSaysWhatWasFoundAndNothingOfWhatThePackHolds) {
  const Timestamp before = Timestamp::Now();
  for (DamageProof proof : {DamagedPack::ABSENT, DamagedPack::BYTES, DamagedPack::CONTENT}) {
    crypto::Sha256Digest pack = Pack(std::to_string(proof));
    ASSERT_TRUE(RecordDamagedPack(storage_, names_, pack, proof).ok());
    Result<DamagedPack> record = ReadDamagedPack(storage_, names_, pack);
    ASSERT_TRUE(record.ok()) << record.error().message;
    EXPECT_EQ(record->proof(), proof);
    EXPECT_EQ(record->sha256(), ToString(pack.view()));
    EXPECT_FALSE(record->problem().empty());
    EXPECT_FALSE(record->host().empty());
    EXPECT_GE(record->at_us(), before.unix_us);
  }
  EXPECT_EQ(ReadDamagedPack(storage_, names_, Pack("x")).code(), Code::kNotFound);
}

TEST_F(DamagedStoreTest, TheFirstRecordOfAPackStays) {
  ASSERT_TRUE(RecordDamagedPack(storage_, names_, Pack("a"), DamagedPack::ABSENT).ok());
  const Bytes first = Content(storage_, names_.DamagedPack(Pack("a")));
  EXPECT_TRUE(RecordDamagedPack(storage_, names_, Pack("a"), DamagedPack::BYTES).ok());
  EXPECT_EQ(Content(storage_, names_.DamagedPack(Pack("a"))), first);
}

TEST_F(DamagedStoreTest, RunsThatFindTheSameAtOnceAllSucceed) {
  std::vector<std::thread> runs;
  for (int run = 0; run < 4; ++run) {
    runs.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(
            RecordDamagedPack(storage_, names_, Pack(std::to_string(i)), DamagedPack::BYTES).ok());
      }
    });
  }
  for (std::thread& run : runs) run.join();
  EXPECT_EQ(Listed().size(), 50u);
}

TEST_F(DamagedStoreTest, ARecordThatIsItselfDamagedStillCounts) {
  ASSERT_TRUE(RecordDamagedPack(storage_, names_, Pack("a"), DamagedPack::BYTES).ok());
  ASSERT_TRUE(RecordDamagedPack(storage_, names_, Pack("b"), DamagedPack::BYTES).ok());
  Bytes bytes = Content(storage_, names_.DamagedPack(Pack("a")));
  const Bytes own = bytes;
  bytes[bytes.size() / 2] ^= 1;
  Replace(storage_, names_.DamagedPack(Pack("a")), bytes);
  Replace(storage_, names_.DamagedPack(Pack("b")), own);
  EXPECT_EQ(ReadDamagedPack(storage_, names_, Pack("a")).code(), Code::kDamaged);
  EXPECT_EQ(ReadDamagedPack(storage_, names_, Pack("b")).code(), Code::kDamaged) << "another's";
  EXPECT_EQ(Listed().size(), 2u);
}

TEST_F(DamagedStoreTest, WhatIsNoRecordIsNotListed) {
  const std::string hex = Pack("a").ToHex();
  for (const std::string& name : {std::string("note"), hex.substr(1), "Z" + hex.substr(1),
                                  hex.substr(0, 62), hex + "00", hex + "/1"}) {
    ASSERT_TRUE(storage_.PutIfAbsent(names_.DamagedPacks() + "/" + name, AsBytes("x")).ok());
  }
  EXPECT_TRUE(Listed().empty());
}

TEST_F(DamagedStoreTest, WhereNothingCanBeWrittenTheErrorSaysWhatWasBeingDone) {
  storage::ReadonlyStorage readonly(std::make_shared<storage::MemoryStorage>());
  Status status = RecordDamagedPack(readonly, names_, Pack("a"), DamagedPack::BYTES);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("recording that a pack is damaged"), std::string::npos);
  EXPECT_FALSE(RemoveDamagedPack(readonly, names_, Pack("a")).ok());
}

}  // namespace
}  // namespace pgcairn::repository
