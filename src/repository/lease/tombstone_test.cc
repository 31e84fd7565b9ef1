#include "repository/lease/tombstone.h"

#include <gtest/gtest.h>

#include "repository/manifest/manifest_store.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

constexpr char kRunId[] = "20240101_020000-00af";
constexpr char kOtherRunId[] = "20240102_020000-00b0";

class TombstoneTest : public ::testing::Test {
 protected:
  Status Commit(const std::string& id) {
    format::Manifest manifest;
    manifest.set_backup_id(id);
    return CommitBackup(*cluster_.access, manifest, {});
  }
  std::string Name(const std::string& id) const { return cluster_.access->names.Manifest(id); }

  MemoryCluster cluster_ = MakeMemoryCluster();
};

TEST_F(TombstoneTest, KeepsTheRunFromCommitting) {
  Result<GivenUp> given_up = GiveUp(*cluster_.access, kRunId, "its process has ended");
  ASSERT_TRUE(given_up.ok()) << given_up.error().message;
  EXPECT_EQ(*given_up, GivenUp::kNow);
  Status committed = Commit(kRunId);
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.code(), Code::kAlreadyExists);
  EXPECT_NE(committed.error().message.find("its process has ended"), std::string::npos);
  EXPECT_FALSE(committed.error().hint.empty());
}

TEST_F(TombstoneTest, TheFirstToArriveWins) {
  ASSERT_TRUE(GiveUp(*cluster_.access, kRunId, "one").ok());
  EXPECT_EQ(*GiveUp(*cluster_.access, kRunId, "two"), GivenUp::kBefore);
  ASSERT_TRUE(Commit(kOtherRunId).ok());
  EXPECT_EQ(*GiveUp(*cluster_.access, kOtherRunId, "three"), GivenUp::kTooLate);
  EXPECT_TRUE(ReadManifest(*cluster_.access, kOtherRunId).ok());
}

TEST_F(TombstoneTest, IsNoBackup) {
  ASSERT_TRUE(GiveUp(*cluster_.access, kRunId, "its process has ended").ok());
  ASSERT_TRUE(Commit(kOtherRunId).ok());
  EXPECT_EQ(*ListBackupIds(*cluster_.access), std::vector<std::string>{kOtherRunId});
  Result<BackupNames> names = ListBackups(*cluster_.storage, cluster_.access->names);
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(names->tombstones, std::vector<std::string>{kRunId});
  EXPECT_EQ(names->lists, std::vector<std::string>{kOtherRunId});
  Result<StoredManifest> manifest = ReadManifest(*cluster_.access, kRunId);
  ASSERT_FALSE(manifest.ok());
  EXPECT_EQ(manifest.code(), Code::kNotFound);
  EXPECT_NE(manifest.error().message.find("its process has ended"), std::string::npos);
}

TEST_F(TombstoneTest, OfAnotherRunIsDamaged) {
  ASSERT_TRUE(GiveUp(*cluster_.access, kRunId, "x").ok());
  const Bytes tombstone = Content(*cluster_.storage, Name(kRunId));
  ASSERT_TRUE(cluster_.storage->PutIfAbsent(Name(kOtherRunId), tombstone).ok());
  EXPECT_EQ(ReadManifest(*cluster_.access, kOtherRunId).code(), Code::kDamaged);
  EXPECT_EQ(GiveUp(*cluster_.access, kOtherRunId, "x").code(), Code::kDamaged);
}

TEST_F(TombstoneTest, AnyChangedByteIsNoticed) {
  ASSERT_TRUE(GiveUp(*cluster_.access, kRunId, "x").ok());
  const Bytes whole = Content(*cluster_.storage, Name(kRunId));
  for (size_t at = 0; at < whole.size(); ++at) {
    Bytes changed = whole;
    changed[at] ^= 1;
    Replace(*cluster_.storage, Name(kRunId), changed);
    Code code = ReadManifest(*cluster_.access, kRunId).code();
    EXPECT_TRUE(code == Code::kDamaged || code == Code::kUnsupported) << at;
  }
}

TEST_F(TombstoneTest, NamesOfNobodyAreToldApart) {
  const std::string folder = cluster_.access->names.Backups();
  ASSERT_TRUE(Commit(kRunId).ok());
  ASSERT_TRUE(cluster_.storage->PutIfAbsent(folder + "/stray", AsBytes("x")).ok());
  ASSERT_TRUE(cluster_.storage->PutIfAbsent(folder + "/below/x", AsBytes("x")).ok());
  ASSERT_TRUE(cluster_.storage->PutIfAbsent(folder + "/stray.refs", AsBytes("x")).ok());
  // Too short to have a header: whoever reads it will say that it is damaged.
  ASSERT_TRUE(cluster_.storage->PutIfAbsent(Name(kOtherRunId), AsBytes("x")).ok());
  Result<BackupNames> names = ListBackups(*cluster_.storage, cluster_.access->names);
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(names->ids, (std::vector<std::string>{kRunId, kOtherRunId}));
  EXPECT_EQ(names->lists, std::vector<std::string>{kRunId});
  EXPECT_EQ(names->unknown, (std::vector<std::string>{folder + "/stray", folder + "/stray.refs",
                                                      folder + "/below"}));
}

}  // namespace
}  // namespace pgcairn::repository
