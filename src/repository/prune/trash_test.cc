#include "repository/prune/trash.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "repository/prune/claim.h"
#include "repository/seal/document.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

constexpr char kPruneId[] = "20240101_020000-00af";
constexpr char kOtherPruneId[] = "20240102_020000-00b0";
constexpr char kBackup[] = "20231201_020000-0001";

crypto::Sha256Digest Pack(uint32_t number) {
  Bytes bytes;
  AppendLe<uint32_t>(bytes, number);
  return crypto::Sha256(bytes);
}

class TrashTest : public ::testing::Test {
 protected:
  const ClusterAccess& access() const { return *cluster_.access; }
  TrashList List(uint32_t packs) const {
    TrashList list;
    list.backup_ids = {kBackup};
    for (uint32_t i = 0; i < packs; ++i) list.packs.push_back(Pack(i));
    std::ranges::sort(list.packs);
    list.wal_objects = {access().names.WalFile(1, "000000010000000000000001")};
    return list;
  }

  MemoryCluster cluster_ = MakeMemoryCluster();
};

TEST_F(TrashTest, IsReadAsItWasPut) {
  EXPECT_TRUE(ListTrash(access())->empty());
  ASSERT_TRUE(PutTrash(access(), kPruneId, Timestamp{77}, List(3)).ok());
  Result<std::vector<StoredTrash>> all = ListTrash(access());
  ASSERT_TRUE(all.ok()) << all.error().message;
  ASSERT_EQ(all->size(), 1u);
  const StoredTrash& trash = all->front();
  EXPECT_EQ(trash.prune_id, kPruneId);
  EXPECT_EQ(trash.started, Timestamp{77});
  EXPECT_EQ(LifeOf(trash.process), Life::kAlive);
  EXPECT_EQ(trash.list.backup_ids, List(3).backup_ids);
  EXPECT_EQ(trash.list.packs, List(3).packs);
  EXPECT_EQ(trash.list.wal_objects, List(3).wal_objects);
}

TEST_F(TrashTest, ManyPacksTakeSeveralObjects) {
  constexpr uint32_t kPacks = 1'200'000;
  ASSERT_TRUE(PutTrash(access(), kPruneId, Timestamp{77}, List(kPacks)).ok());
  EXPECT_EQ(cluster_.storage->List(access().names.Trashes())->objects.size(), 2u);
  EXPECT_EQ(ListTrash(access())->front().list.packs, List(kPacks).packs);
  ASSERT_TRUE(RemoveTrash(access(), kPruneId).ok());
  EXPECT_TRUE(ListTrash(access())->empty());
  EXPECT_TRUE(RemoveTrash(access(), kPruneId).ok());
}

TEST_F(TrashTest, OfAllPrunesMustNotBeUsed) {
  ASSERT_TRUE(PutTrash(access(), kPruneId, Timestamp{1}, List(1)).ok());
  TrashList other;
  other.packs = {Pack(7)};
  ASSERT_TRUE(PutTrash(access(), kOtherPruneId, Timestamp{2}, other).ok());
  Result<TrashedObjects> trashed = ReadTrash(access());
  ASSERT_TRUE(trashed.ok());
  EXPECT_TRUE(trashed->HasBackup(kBackup));
  EXPECT_FALSE(trashed->HasBackup(kOtherPruneId));
  EXPECT_TRUE(trashed->HasPack(Pack(0)) && trashed->HasPack(Pack(7)));
  EXPECT_FALSE(trashed->HasPack(Pack(1)));
}

TEST_F(TrashTest, UnderAnotherNameIsDamaged) {
  ASSERT_TRUE(PutTrash(access(), kPruneId, Timestamp{1}, List(1)).ok());
  const Bytes part = Content(*cluster_.storage, access().names.TrashPart(kPruneId, 0));
  for (const std::string& name :
       {access().names.TrashPart(kOtherPruneId, 0), access().names.TrashPart(kPruneId, 1),
        access().names.Trashes() + "/stray", access().names.Trashes() + "/stray/00000000",
        access().names.Trashes() + "/" + kPruneId, access().names.TrashPart(kPruneId, 0) + "x"}) {
    ASSERT_TRUE(cluster_.storage->PutIfAbsent(name, part).ok());
    EXPECT_EQ(ListTrash(access()).code(), Code::kDamaged) << name;
    ASSERT_TRUE(cluster_.storage->Delete(name).ok());
  }
  EXPECT_TRUE(ListTrash(access()).ok());
}

TEST_F(TrashTest, ThatCannotBeReadLetsNothingBeUsed) {
  ASSERT_TRUE(
      cluster_.storage->PutIfAbsent(access().names.TrashPart(kPruneId, 0), AsBytes("damaged"))
          .ok());
  ASSERT_TRUE(
      cluster_.storage->PutIfAbsent(access().names.Manifest(kBackup), AsBytes("there")).ok());
  LeaseTerms terms;
  terms.run_id = kOtherPruneId;
  terms.base_backup_id = kBackup;
  Result<Claim> claim = WriteLeaseAndClaim(access(), terms);
  ASSERT_TRUE(claim.ok()) << claim.error().message;
  EXPECT_FALSE(claim->base_is_safe);
  EXPECT_FALSE(claim->why_not.empty());
  EXPECT_FALSE(claim->MayUse(Pack(1)));
}

TEST_F(TrashTest, ABaseIsSafeWhenItIsThereAndNotListed) {
  auto claim_base = [&]() -> Claim {
    LeaseTerms terms;
    terms.run_id = kOtherPruneId;
    terms.base_backup_id = kBackup;
    Result<Claim> claim = WriteLeaseAndClaim(access(), terms);
    CHECK(claim.ok() && RemoveLease(access(), kOtherPruneId).ok());
    return *claim;
  };
  EXPECT_FALSE(claim_base().base_is_safe) << "it is gone";
  EXPECT_NE(claim_base().why_not.find(kBackup), std::string::npos);
  ASSERT_TRUE(
      cluster_.storage->PutIfAbsent(access().names.Manifest(kBackup), AsBytes("there")).ok());
  EXPECT_TRUE(claim_base().base_is_safe);
  EXPECT_TRUE(claim_base().MayUse(Pack(0)));
  ASSERT_TRUE(PutTrash(access(), kPruneId, Timestamp{1}, List(1)).ok());
  EXPECT_FALSE(claim_base().base_is_safe) << "it is listed";
  EXPECT_FALSE(claim_base().MayUse(Pack(0)));
  EXPECT_TRUE(claim_base().MayUse(Pack(1)));
}

}  // namespace
}  // namespace pgcairn::repository
