#include <gtest/gtest.h>

#include "repository/map/leaf_reader.h"
#include "repository/map/map_patch.h"
#include "repository/map/metadata_writer.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

class PatchedLeafTest : public ::testing::Test {
 protected:
  // One pack of its own for each, so that one can be lost without the other.
  LeafBase Store(ByteView raw, size_t units) {
    PackUploader uploader(*cluster_.storage, cluster_.access->names, 1, 1);
    MetadataWriter metadata(*cluster_.access, uploader);
    PendingBlob blob = metadata.Add(raw).value();
    LeafBase stored{metadata.Finish()->at(blob.pack), {0, blob.location, uint16_t(units)}};
    CHECK(uploader.Finish().ok());
    return stored;
  }

  static MapLeaf LeafOf(size_t units) {
    MapLeaf leaf;
    for (size_t i = 0; i < units; ++i) leaf.units.push_back({kZeroUnit, 0, i});
    return leaf;
  }

  static MapPatch PatchOn(const LeafBase& base, uint64_t fingerprint) {
    MapPatch patch;
    patch.base = base;
    patch.units = base.blob.units;
    patch.places = {1};
    patch.entries = {{kZeroUnit, 0, fingerprint}};
    return patch;
  }

  Result<MapLeaf> Read(const LeafBase& at) {
    BlobReader reader(*cluster_.access);
    return ReadLeaf(reader, at.pack, at.blob);
  }

  MemoryCluster cluster_ = MakeMemoryCluster();
};

TEST_F(PatchedLeafTest, APatchIsPutTogetherWithItsBase) {
  const LeafBase base = Store(EncodeMapLeaf(LeafOf(20)), 20);
  Result<MapLeaf> whole = Read(base);
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_FALSE(whole->base);
  EXPECT_EQ(whole->units[1].fingerprint, 1u);
  const LeafBase patch = Store(EncodeMapPatch(PatchOn(base, 77)), 20);
  Result<MapLeaf> leaf = Read(patch);
  ASSERT_TRUE(leaf.ok()) << leaf.error().message;
  EXPECT_EQ(leaf->units.size(), 20u);
  EXPECT_EQ(leaf->units[0].fingerprint, 0u);
  EXPECT_EQ(leaf->units[1].fingerprint, 77u);
  EXPECT_EQ(leaf->units[2].fingerprint, 2u);
  ASSERT_TRUE(leaf->base);
  EXPECT_EQ(leaf->base->pack, base.pack);
}

TEST_F(PatchedLeafTest, APatchOnAPatchIsRefused) {
  const LeafBase base = Store(EncodeMapLeaf(LeafOf(20)), 20);
  const LeafBase patch = Store(EncodeMapPatch(PatchOn(base, 77)), 20);
  const LeafBase second = Store(EncodeMapPatch(PatchOn(patch, 78)), 20);
  EXPECT_FALSE(Read(second).ok());
}

TEST_F(PatchedLeafTest, AnotherNumberOfUnitsThanTheListSaysIsDamaged) {
  LeafBase base = Store(EncodeMapLeaf(LeafOf(20)), 20);
  LeafBase patch = Store(EncodeMapPatch(PatchOn(base, 77)), 20);
  base.blob.units = 19;
  EXPECT_EQ(Read(base).code(), Code::kDamaged);
  const LeafBase on_another = Store(EncodeMapPatch(PatchOn(base, 77)), 19);
  EXPECT_EQ(Read(on_another).code(), Code::kDamaged);
  patch.blob.units = 21;
  EXPECT_EQ(Read(patch).code(), Code::kDamaged);
}

TEST_F(PatchedLeafTest, ABaseThatIsMissingOrDamagedIsAnError) {
  const LeafBase base = Store(EncodeMapLeaf(LeafOf(20)), 20);
  const LeafBase patch = Store(EncodeMapPatch(PatchOn(base, 77)), 20);
  const std::string name = cluster_.access->names.Pack(base.pack.sha256);
  Bytes bytes = Content(*cluster_.storage, name);
  ASSERT_TRUE(cluster_.storage->Delete(name).ok());
  EXPECT_EQ(Read(patch).code(), Code::kNotFound);
  bytes.back() ^= 1;
  ASSERT_TRUE(cluster_.storage->PutIfAbsent(name, bytes).ok());
  EXPECT_EQ(Read(patch).code(), Code::kDamaged);
}

}  // namespace
}  // namespace pgcairn::repository
