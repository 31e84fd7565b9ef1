#include "repository/manifest/manifest_store.h"

#include <gtest/gtest.h>

#include "repository/testing/memory_cluster.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::repository {
namespace {

constexpr char kManifestId[] = "20240101_020000-00af";

format::Manifest ManifestOf(const std::string& id) {
  format::Manifest manifest;
  manifest.set_backup_id(id);
  manifest.set_cluster_name("main");
  manifest.set_start_lsn(0x3000028);
  return manifest;
}

std::vector<StoredPack> Packs() {
  std::vector<StoredPack> packs(2);
  packs[0].sha256.bytes.fill(9);
  packs[0].length = 100;
  packs[1].sha256.bytes.fill(3);
  packs[1].length = 23;
  return packs;
}

class ManifestStoreTest : public ::testing::Test {
 protected:
  Status Commit(const std::string& id) {
    format::Manifest manifest = ManifestOf(id);
    return CommitBackup(*cluster_.access, manifest, Packs());
  }
  const ClusterNames& names() const { return cluster_.access->names; }

  std::shared_ptr<storage::FaultyStorage> storage_ =
      std::make_shared<storage::FaultyStorage>(std::make_shared<storage::MemoryStorage>());
  MemoryCluster cluster_ = MakeMemoryCluster(storage_);
};

// A message with such a text in a `string` is written without an error and can never be read.
TEST_F(ManifestStoreTest, TextsInAnyEncodingCanBeReadBack) {
  const std::string text = "M\xfcller \xff";
  format::Manifest manifest = ManifestOf(kManifestId);
  manifest.set_host(text);
  manifest.set_note(text);
  manifest.set_data_directory(text);
  manifest.set_config_file(text);
  manifest.set_hba_file(text);
  manifest.set_ident_file(text);
  manifest.add_notes(text);
  manifest.add_databases()->set_name(text);
  manifest.add_settings()->set_value(text);
  manifest.add_bad_pages()->set_path(text);
  manifest.add_tablespaces()->set_name(text);
  manifest.mutable_tablespaces(0)->set_location(text);
  ASSERT_TRUE(CommitBackup(*cluster_.access, manifest, Packs()).ok());
  Result<StoredManifest> stored = ReadManifest(*cluster_.access, kManifestId);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(stored->manifest.SerializeAsString(), manifest.SerializeAsString());
  EXPECT_EQ(stored->manifest.note(), text);
}

TEST_F(ManifestStoreTest, ACommittedBackupIsReadAndListed) {
  EXPECT_TRUE(ListBackupIds(*cluster_.access)->empty());
  EXPECT_EQ(ReadManifest(*cluster_.access, kManifestId).code(), Code::kNotFound);
  ASSERT_TRUE(Commit(kManifestId).ok());
  ASSERT_TRUE(Commit("20231231_235959-ffff").ok());
  EXPECT_EQ(*ListBackupIds(*cluster_.access),
            (std::vector<std::string>{"20231231_235959-ffff", kManifestId}));
  Result<StoredManifest> stored = ReadManifest(*cluster_.access, kManifestId);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(stored->manifest.start_lsn(), 0x3000028u);
  EXPECT_EQ(stored->manifest.pack_count(), 2u);
  EXPECT_EQ(stored->manifest.pack_bytes(), 123u);
  EXPECT_EQ(stored->sha256, crypto::Sha256(Content(*storage_, names().Manifest(kManifestId))));
  Result<std::vector<StoredPack>> packs = ReadReferences(*cluster_.access, stored->manifest);
  ASSERT_TRUE(packs.ok()) << packs.error().message;
  ASSERT_EQ(packs->size(), 2u);
  EXPECT_EQ(packs->at(0).length, 23u) << "sorted by hash";
}

TEST_F(ManifestStoreTest, APackGivenTwiceCountsOnce) {
  std::vector<StoredPack> packs = Packs();
  packs.push_back(packs.front());
  format::Manifest manifest = ManifestOf(kManifestId);
  ASSERT_TRUE(CommitBackup(*cluster_.access, manifest, packs).ok());
  EXPECT_EQ(manifest.pack_count(), 2u);
  EXPECT_EQ(manifest.pack_bytes(), 123u);
  EXPECT_EQ(ReadReferences(*cluster_.access, manifest)->size(), manifest.pack_count());
}

TEST_F(ManifestStoreTest, ATombstoneUnderTheNameIsNotOverwritten) {
  ASSERT_TRUE(storage_->PutIfAbsent(names().Manifest(kManifestId), AsBytes("given up")).ok());
  Status committed = Commit(kManifestId);
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.code(), Code::kAlreadyExists);
  EXPECT_EQ(AsText(Content(*storage_, names().Manifest(kManifestId))), "given up");
  EXPECT_EQ(ReadManifest(*cluster_.access, kManifestId).code(), Code::kDamaged);
}

TEST_F(ManifestStoreTest, WhenTheReferenceListCannotBeWrittenThereIsNoManifest) {
  storage_->Add({.request = storage::Request::kPut, .name_contains = ".refs"});
  EXPECT_EQ(Commit(kManifestId).code(), Code::kStorage);
  EXPECT_EQ(ReadManifest(*cluster_.access, kManifestId).code(), Code::kNotFound);
  EXPECT_TRUE(ListBackupIds(*cluster_.access)->empty());
}

TEST_F(ManifestStoreTest, AListWithoutAManifestIsNoBackup) {
  storage_->Add({.request = storage::Request::kPut,
                 .name_contains = "backups/",
                 .nth = 2,
                 .effect = storage::FaultEffect::kFailBefore});
  EXPECT_FALSE(Commit(kManifestId).ok());
  EXPECT_TRUE(storage_->Stat(names().References(kManifestId)).ok());
  EXPECT_TRUE(ListBackupIds(*cluster_.access)->empty());
}

TEST_F(ManifestStoreTest, AManifestUnderAnotherNameIsDamaged) {
  ASSERT_TRUE(Commit(kManifestId).ok());
  const std::string other = "20240101_020000-00b0";
  ASSERT_TRUE(
      storage_
          ->PutIfAbsent(names().Manifest(other), Content(*storage_, names().Manifest(kManifestId)))
          .ok());
  EXPECT_EQ(ReadManifest(*cluster_.access, other).code(), Code::kDamaged);
}

TEST_F(ManifestStoreTest, AnyChangedByteOfTheReferenceListIsDamaged) {
  ASSERT_TRUE(Commit(kManifestId).ok());
  format::Manifest manifest = ReadManifest(*cluster_.access, kManifestId)->manifest;
  const Bytes whole = Content(*storage_, names().References(kManifestId));
  for (size_t at = 0; at < whole.size(); ++at) {
    Bytes changed = whole;
    changed[at] ^= 1;
    Replace(*storage_, names().References(kManifestId), changed);
    EXPECT_EQ(ReadReferences(*cluster_.access, manifest).code(), Code::kDamaged) << at;
  }
  Bytes longer = whole;
  longer.push_back('\n');
  Replace(*storage_, names().References(kManifestId), longer);
  EXPECT_EQ(ReadReferences(*cluster_.access, manifest).code(), Code::kDamaged);
  ASSERT_TRUE(storage_->Delete(names().References(kManifestId)).ok());
  EXPECT_EQ(ReadReferences(*cluster_.access, manifest).code(), Code::kNotFound);
}

TEST(ResolveBackupId, EveryFormMeansTheSame) {
  const std::vector<std::string> ids{"20240101_020000-00af", "20240102_020000-1111",
                                     "20240102_020000-2222", "20240103_020000-3333"};
  EXPECT_EQ(*ResolveBackupId(ids, "latest"), ids[3]);
  EXPECT_EQ(*ResolveBackupId(ids, ids[1]), ids[1]);
  for (const char* text :
       {"20240101_020000", "backup_20240101_020000", "backup_20240101_020000.sql.gz"}) {
    EXPECT_EQ(*ResolveBackupId(ids, text), ids[0]) << text;
  }
}

TEST(ResolveBackupId, AnAmbiguousTextIsAUsageErrorThatSaysHow) {
  const std::vector<std::string> ids{"20240102_020000-1111", "20240102_020000-2222"};
  Result<std::string> id = ResolveBackupId(ids, "backup_20240102_020000");
  ASSERT_FALSE(id.ok());
  EXPECT_EQ(id.code(), Code::kUsage);
  EXPECT_NE(id.error().hint.find(ids[0]), std::string::npos);
}

TEST(ResolveBackupId, AnUnknownBackupIsNotFoundAndOtherTextIsUsage) {
  const std::vector<std::string> ids{"20240102_020000-1111"};
  Result<std::string> absent = ResolveBackupId(ids, "20240102_020000-2222");
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.code(), Code::kNotFound);
  EXPECT_NE(absent.error().hint.find(ids[0]), std::string::npos);
  EXPECT_EQ(ResolveBackupId(ids, "20240105_020000").code(), Code::kNotFound);
  EXPECT_EQ(ResolveBackupId(ids, "newest").code(), Code::kUsage);
  EXPECT_EQ(ResolveBackupId({}, "latest").code(), Code::kNotFound);
}

}  // namespace
}  // namespace pgcairn::repository
