#include "repository/lease/lease.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "repository/seal/document.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

constexpr char kId[] = "20240101_020000-00af";

TEST(Lease, SaysWhoMakesTheBackup) {
  MemoryCluster cluster = MakeMemoryCluster();
  ASSERT_TRUE(WriteLease(*cluster.access, kId, Timestamp{123'456}).ok());
  Result<std::string> message =
      OpenDocument(ObjectKind::kLease, Content(*cluster.storage, cluster.access->names.Lease(kId)),
                   cluster.access->place, cluster.access->keys.Lookup());
  ASSERT_TRUE(message.ok()) << message.error().message;
  format::Lease lease;
  ASSERT_TRUE(lease.ParseFromString(*message));
  EXPECT_EQ(lease.backup_id(), kId);
  EXPECT_EQ(lease.process_id(), static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(lease.started_at_us(), 123'456);
  EXPECT_FALSE(lease.host().empty());
}

TEST(Lease, IsTakenOnceUntilItIsRemoved) {
  MemoryCluster cluster = MakeMemoryCluster();
  ASSERT_TRUE(WriteLease(*cluster.access, kId, Timestamp::Now()).ok());
  EXPECT_EQ(WriteLease(*cluster.access, kId, Timestamp::Now()).code(), Code::kAlreadyExists);
  ASSERT_TRUE(RemoveLease(*cluster.access, kId).ok());
  EXPECT_EQ(cluster.storage->Stat(cluster.access->names.Lease(kId)).code(), Code::kNotFound);
  EXPECT_TRUE(RemoveLease(*cluster.access, kId).ok());
  EXPECT_TRUE(WriteLease(*cluster.access, kId, Timestamp::Now()).ok());
}

}  // namespace
}  // namespace pgcairn::repository
