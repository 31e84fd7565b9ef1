#include "commands/unfinished_backup.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "repository/lease/tombstone.h"
#include "repository/testing/memory_cluster.h"
#include "storage/memory/memory_storage.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::commands {
namespace {

using storage::FaultEffect;
using storage::Request;

constexpr char kId[] = "20240101_020000-00af";

class UnfinishedBackupTest : public ::testing::Test {
 protected:
  std::string PackName(uint8_t fill) const {
    crypto::Sha256Digest sha256;
    sha256.bytes.fill(fill);
    return names_.Pack(sha256);
  }
  Status Put(const std::string& name) { return unfinished_.PutIfAbsent(name, AsBytes("x")); }
  bool Exists(const std::string& name) { return inner_.Stat(name).ok(); }

  const repository::ClusterNames names_{"main"};
  const std::shared_ptr<storage::FaultyStorage> shared_ =
      std::make_shared<storage::FaultyStorage>(std::make_shared<storage::MemoryStorage>());
  storage::FaultyStorage& inner_ = *shared_;
  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster(shared_);
  UnfinishedBackup unfinished_{inner_, names_, kId};
};

TEST_F(UnfinishedBackupTest, TakesBackTheStoredPacksAndNothingElse) {
  ASSERT_TRUE(inner_.PutIfAbsent(PackName(1), AsBytes("x")).ok());
  ASSERT_TRUE(Put(names_.Lease(kId)).ok());
  EXPECT_EQ(Put(PackName(1)).code(), Code::kAlreadyExists);
  ASSERT_TRUE(Put(PackName(2)).ok());
  ASSERT_TRUE(Put(PackName(3)).ok());
  ASSERT_TRUE(Put(names_.References(kId)).ok());
  ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok());
  EXPECT_TRUE(Exists(PackName(1))) << "it was there before";
  EXPECT_FALSE(Exists(PackName(2)));
  EXPECT_FALSE(Exists(PackName(3)));
  EXPECT_TRUE(Exists(names_.Lease(kId)));
  EXPECT_TRUE(Exists(names_.References(kId)));
}

TEST_F(UnfinishedBackupTest, ForgetsNoPackOfManyThreads) {
  std::vector<std::thread> threads;
  for (uint8_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (uint8_t i = 0; i < 60; ++i) {
        EXPECT_TRUE(Put(PackName(static_cast<uint8_t>(thread * 60 + i))).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok());
  for (uint8_t i = 0; i < 240; ++i) EXPECT_FALSE(Exists(PackName(i)));
}

TEST_F(UnfinishedBackupTest, LeavesAPackWhosePutFailed) {
  inner_.Add({.request = Request::kPut, .effect = FaultEffect::kFailAfter});
  EXPECT_FALSE(Put(PackName(1)).ok());
  ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok());
  EXPECT_TRUE(Exists(PackName(1)));
}

TEST_F(UnfinishedBackupTest, TakesNothingBackOnceTheManifestMayExist) {
  for (FaultEffect effect : {FaultEffect::kFailBefore, FaultEffect::kFailAfter}) {
    const std::string pack = PackName(effect == FaultEffect::kFailBefore ? 1 : 2);
    ASSERT_TRUE(Put(pack).ok());
    inner_.Add({.request = Request::kPut, .name_contains = kId, .effect = effect});
    EXPECT_EQ(Put(names_.Manifest(kId)).code(), Code::kStorage);
    ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok());
    EXPECT_TRUE(Exists(pack));
  }
}

TEST_F(UnfinishedBackupTest, ATombstoneInPlaceOfTheManifestLeavesThePacks) {
  ASSERT_TRUE(Put(PackName(1)).ok());
  ASSERT_TRUE(inner_.PutIfAbsent(names_.Manifest(kId), AsBytes("tombstone")).ok());
  EXPECT_EQ(Put(names_.Manifest(kId)).code(), Code::kAlreadyExists);
  ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok());
  EXPECT_TRUE(Exists(PackName(1)));
}

TEST_F(UnfinishedBackupTest, AStorageThatFailsIsReported) {
  ASSERT_TRUE(Put(PackName(1)).ok());
  inner_.Add({.request = Request::kDelete});
  EXPECT_EQ(unfinished_.TakeBack(*cluster_.access).code(), Code::kStorage);
  ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok()) << "and can be tried again";
  EXPECT_FALSE(Exists(PackName(1)));
}

TEST_F(UnfinishedBackupTest, WhatACheckpointNamesStaysForTheNextRun) {
  ASSERT_TRUE(Put(PackName(1)).ok());
  ASSERT_TRUE(Put(names_.Checkpoint(kId, 0)).ok());
  ASSERT_TRUE(Put(PackName(2)).ok());
  ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok());
  EXPECT_TRUE(Exists(PackName(1)));
  EXPECT_TRUE(Exists(PackName(2)));
  EXPECT_TRUE(Exists(names_.Checkpoint(kId, 0)));
  EXPECT_FALSE(Exists(names_.Manifest(kId))) << "it can be gone on from: no tombstone";
}

TEST_F(UnfinishedBackupTest, WithoutRoomThePacksGoAfterTheCheckpoints) {
  ASSERT_TRUE(Put(PackName(1)).ok());
  ASSERT_TRUE(Put(names_.Checkpoint(kId, 0)).ok());
  storage::Fault full;
  full.request = Request::kPut;
  full.name_contains = PackName(2);
  full.code = Code::kNoSpace;
  inner_.Add(full);
  ASSERT_EQ(Put(PackName(2)).code(), Code::kNoSpace);
  ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok());
  EXPECT_FALSE(Exists(PackName(1)));
  EXPECT_FALSE(Exists(names_.Checkpoint(kId, 0)));
  EXPECT_TRUE(Exists(names_.Manifest(kId))) << "nobody else can go on from there";
}

TEST_F(UnfinishedBackupTest, WhatAnotherRunGoesOnFromStaysEvenWithoutRoom) {
  ASSERT_TRUE(Put(PackName(1)).ok());
  ASSERT_TRUE(Put(names_.Checkpoint(kId, 0)).ok());
  storage::Fault full;
  full.request = Request::kPut;
  full.name_contains = PackName(2);
  full.code = Code::kNoSpace;
  inner_.Add(full);
  ASSERT_EQ(Put(PackName(2)).code(), Code::kNoSpace);
  ASSERT_TRUE(repository::GiveUp(*cluster_.access, kId, "another goes on").ok());
  ASSERT_TRUE(unfinished_.TakeBack(*cluster_.access).ok());
  EXPECT_TRUE(Exists(PackName(1)));
}

TEST_F(UnfinishedBackupTest, ALeaseThatWasThereBeforeIsAnotherRuns) {
  ASSERT_TRUE(inner_.PutIfAbsent(names_.Lease(kId), AsBytes("another's")).ok());
  EXPECT_EQ(Put(names_.Lease(kId)).code(), Code::kAlreadyExists);
  EXPECT_FALSE(unfinished_.MayHaveLease());
}

TEST_F(UnfinishedBackupTest, TheLeaseIsItsOwnFromItsPutUntilItIsRemoved) {
  EXPECT_FALSE(unfinished_.MayHaveLease());
  ASSERT_TRUE(Put(names_.Lease("20240101_020000-00b0")).ok());
  EXPECT_FALSE(unfinished_.MayHaveLease());
  inner_.Add({.request = Request::kPut, .effect = FaultEffect::kFailAfter});
  EXPECT_FALSE(Put(names_.Lease(kId)).ok());
  EXPECT_TRUE(unfinished_.MayHaveLease()) << "the reply was lost";
  ASSERT_TRUE(unfinished_.Delete(names_.Lease(kId)).ok());
  EXPECT_FALSE(unfinished_.MayHaveLease());
  ASSERT_TRUE(Put(names_.Lease(kId)).ok());
  EXPECT_TRUE(unfinished_.MayHaveLease());
}

}  // namespace
}  // namespace pgcairn::commands
