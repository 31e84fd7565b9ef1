#include "repository/history_store.h"

#include <gtest/gtest.h>

#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

constexpr uint64_t kSegmentBytes = 16 << 20;

TEST(HistoryStore, ASystemIsRegisteredOnce) {
  MemoryCluster cluster = MakeMemoryCluster();
  EXPECT_TRUE(ListHistory(*cluster.access)->empty());
  ASSERT_TRUE(RegisterSystem(*cluster.access, 0xfedcba9876543210, 150'018, kSegmentBytes).ok());
  ASSERT_TRUE(RegisterSystem(*cluster.access, 0xfedcba9876543210, 160'000, kSegmentBytes).ok());
  Result<std::vector<format::ClusterHistory>> entries = ListHistory(*cluster.access);
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ(entries->front().sequence(), 1u);
  EXPECT_EQ(entries->front().server_version_num(), 150'018u);
  EXPECT_EQ(entries->front().wal_segment_size(), kSegmentBytes);
}

TEST(HistoryStore, AnUpgradedClusterComesAfterTheOneItWas) {
  MemoryCluster cluster = MakeMemoryCluster();
  ASSERT_TRUE(RegisterSystem(*cluster.access, 900, 150'018, kSegmentBytes).ok());
  ASSERT_TRUE(RegisterSystem(*cluster.access, 100, 170'000, kSegmentBytes).ok());
  std::vector<format::ClusterHistory> entries = ListHistory(*cluster.access).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].system_identifier(), 900u);
  EXPECT_EQ(entries[1].system_identifier(), 100u);
  EXPECT_EQ(RequireSystem(*cluster.access, 900)->sequence(), 1u);
}

TEST(HistoryStore, AnotherServerIsRefusedNamingBoth) {
  MemoryCluster cluster = MakeMemoryCluster();
  Result<format::ClusterHistory> none = RequireSystem(*cluster.access, 5);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.code(), Code::kRefused);
  ASSERT_TRUE(RegisterSystem(*cluster.access, 7'311'111, 150'018, kSegmentBytes).ok());
  ASSERT_TRUE(RegisterSystem(*cluster.access, 7'322'222, 150'018, kSegmentBytes).ok());
  Result<format::ClusterHistory> refused = RequireSystem(*cluster.access, 7'399'999);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.code(), Code::kRefused);
  for (const char* part : {"7399999", "7311111", "7322222", "clusters/main"}) {
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << part;
  }
  EXPECT_FALSE(refused.error().hint.empty());
}

TEST(HistoryStore, ADamagedEntryIsAnError) {
  MemoryCluster cluster = MakeMemoryCluster();
  ASSERT_TRUE(RegisterSystem(*cluster.access, 1, 150'018, kSegmentBytes).ok());
  std::string name = cluster.access->names.History(1);
  Bytes bytes = Content(*cluster.storage, name);
  ASSERT_TRUE(cluster.storage->PutIfAbsent(cluster.access->names.History(2), bytes).ok());
  EXPECT_EQ(ListHistory(*cluster.access).code(), Code::kDamaged) << "an entry of another system";
  ASSERT_TRUE(cluster.storage->Delete(cluster.access->names.History(2)).ok());
  bytes.back() ^= 1;
  Replace(*cluster.storage, name, bytes);
  EXPECT_EQ(ListHistory(*cluster.access).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::repository
