#include "repository/lease/lease.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "repository/seal/document.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

constexpr char kLeaseId[] = "20240101_020000-00af";
constexpr char kBaseId[] = "20231231_020000-00ae";

LeaseTerms Terms(const std::string& id = kLeaseId) {
  LeaseTerms terms;
  terms.run_id = id;
  terms.started = Timestamp{123'456};
  return terms;
}

TEST(Lease, SaysWhoMakesTheBackupFromWhat) {
  MemoryCluster cluster = MakeMemoryCluster();
  LeaseTerms terms = Terms();
  terms.base_backup_id = kBaseId;
  terms.wal.emplace();
  terms.wal->set_from_lsn(0x3000028);
  const Timestamp before = Timestamp::Now();
  ASSERT_TRUE(WriteLease(*cluster.access, terms).ok());
  Result<std::vector<StoredLease>> leases = ListLeases(*cluster.access);
  ASSERT_TRUE(leases.ok()) << leases.error().message;
  ASSERT_EQ(leases->size(), 1u);
  const format::Lease& lease = leases->front().lease;
  EXPECT_EQ(lease.backup_id(), kLeaseId);
  EXPECT_EQ(lease.kind(), format::Lease::BACKUP);
  EXPECT_EQ(lease.base_backup_id(), kBaseId);
  EXPECT_EQ(lease.wal().from_lsn(), 0x3000028u);
  EXPECT_EQ(lease.started_at_us(), 123'456);
  EXPECT_EQ(lease.process().process_id(), static_cast<uint32_t>(::getpid()));
  EXPECT_FALSE(lease.process().host().empty());
  EXPECT_GE(leases->front().stored_at, before);
  EXPECT_NE(DescribeRun(lease).find(kLeaseId), std::string::npos);
}

TEST(Lease, WithoutABaseNamesNone) {
  MemoryCluster cluster = MakeMemoryCluster();
  ASSERT_TRUE(WriteLease(*cluster.access, Terms()).ok());
  EXPECT_FALSE(ListLeases(*cluster.access)->front().lease.has_base_backup_id());
  EXPECT_FALSE(ListLeases(*cluster.access)->front().lease.has_wal());
}

TEST(Lease, IsTakenOnceUntilItIsRemoved) {
  MemoryCluster cluster = MakeMemoryCluster();
  ASSERT_TRUE(WriteLease(*cluster.access, Terms()).ok());
  EXPECT_EQ(WriteLease(*cluster.access, Terms()).code(), Code::kAlreadyExists);
  ASSERT_TRUE(RemoveLease(*cluster.access, kLeaseId).ok());
  EXPECT_TRUE(ListLeases(*cluster.access)->empty());
  EXPECT_TRUE(RemoveLease(*cluster.access, kLeaseId).ok());
  EXPECT_TRUE(WriteLease(*cluster.access, Terms()).ok());
}

TEST(Lease, ThatCannotBeReadIsAnError) {
  for (const char* content : {"", "not a lease"}) {
    MemoryCluster cluster = MakeMemoryCluster();
    ASSERT_TRUE(
        cluster.storage->PutIfAbsent(cluster.access->names.Lease(kLeaseId), AsBytes(content)).ok());
    EXPECT_EQ(ListLeases(*cluster.access).code(), Code::kDamaged) << content;
  }
  // Another run's lease under this name.
  MemoryCluster cluster = MakeMemoryCluster();
  ASSERT_TRUE(WriteLease(*cluster.access, Terms()).ok());
  Bytes lease = Content(*cluster.storage, cluster.access->names.Lease(kLeaseId));
  ASSERT_TRUE(cluster.storage->PutIfAbsent(cluster.access->names.Lease(kBaseId), lease).ok());
  EXPECT_EQ(ListLeases(*cluster.access).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::repository
