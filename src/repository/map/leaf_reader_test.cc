#include "repository/map/leaf_reader.h"

#include <gtest/gtest.h>

#include <utility>

#include "repository/map/metadata_writer.h"
#include "repository/testing/memory_cluster.h"
#include "storage/counting/counting_storage.h"

namespace pgcairn::repository {
namespace {

using storage::CountingStorage;
using storage::Request;

class LeafReaderTest : public ::testing::Test {
 protected:
  // A list with leaves of 1, 2, ... zero units, each told by its fingerprints.
  void Store(uint32_t count) {
    PackUploader uploader(*counting_, cluster_.access->names, 1, 1);
    MetadataWriter writer(*cluster_.access, uploader);
    for (uint32_t i = 0; i < count; ++i) {
      MapLeaf leaf;
      leaf.units.resize(i + 1);
      for (UnitEntry& unit : leaf.units) unit.fingerprint = i;
      Result<PendingBlob> stored = writer.Add(EncodeMapLeaf(leaf));
      ASSERT_TRUE(stored.ok());
      stored->units = static_cast<uint16_t>(i + 1);
      list_.leaves.push_back(*stored);
    }
    Result<std::vector<PackReference>> packs = writer.Finish();
    ASSERT_TRUE(packs.ok() && uploader.Finish().ok());
    list_.packs = *packs;
  }

  std::shared_ptr<CountingStorage> counting_ =
      std::make_shared<CountingStorage>(std::make_shared<storage::MemoryStorage>());
  MemoryCluster cluster_ = MakeMemoryCluster(counting_);
  BlobReader reader_{*cluster_.access};
  StreamList list_;
};

TEST_F(LeafReaderTest, LeavesComeInTheOrderAskedForWithOneRequest) {
  ASSERT_NO_FATAL_FAILURE(Store(40));
  const std::vector<size_t> indices{30, 2, 39, 0, 2};
  Result<std::vector<MapLeaf>> leaves = ReadLeaves(reader_, list_, indices);
  ASSERT_TRUE(leaves.ok()) << leaves.error().message;
  ASSERT_EQ(leaves->size(), indices.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    EXPECT_EQ((*leaves)[i].units.size(), indices[i] + 1);
    EXPECT_EQ((*leaves)[i].units.back().fingerprint, indices[i]);
  }
  EXPECT_EQ(counting_->Count(Request::kGetRange).requests, 1u);
}

TEST_F(LeafReaderTest, OneLeafIsReadByItself) {
  ASSERT_NO_FATAL_FAILURE(Store(3));
  Result<MapLeaf> leaf = ReadLeaf(reader_, list_, 1);
  ASSERT_TRUE(leaf.ok());
  EXPECT_EQ(leaf->units.size(), 2u);
}

TEST_F(LeafReaderTest, AnotherNumberOfUnitsThanTheListSaysIsDamage) {
  ASSERT_NO_FATAL_FAILURE(Store(3));
  list_.leaves[1].units = 3;
  EXPECT_EQ(ReadLeaf(reader_, list_, 1).code(), Code::kDamaged);
  EXPECT_EQ(ReadLeaves(reader_, list_, std::vector<size_t>{0, 1, 2}).code(), Code::kDamaged);
  EXPECT_TRUE(ReadLeaves(reader_, list_, std::vector<size_t>{0, 2}).ok());
}

}  // namespace
}  // namespace pgcairn::repository
