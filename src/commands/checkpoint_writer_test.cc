#include "commands/checkpoint_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "repository/checkpoint/checkpoint_store.h"
#include "repository/map/map_leaf.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

constexpr char kUnfinishedRun[] = "20240101_020000-0001";
constexpr uint32_t kPartsOfLeaf = repository::kLeafUnitsMax;
// Longer paths make longer lists.
constexpr size_t kPathBytes = 1000;
constexpr uint64_t kInterval = uint64_t{1} << 30;
// As docs/format.md says; a list ends with the leaf that reaches it.
constexpr size_t kPartBytes = size_t{16} << 20;

// Leaves of one unit each of so many small files.
class CheckpointWriterTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kLeaves = 20;

  CheckpointWriterTest() {
    listing_.files.resize(1);
    listing_.files[0].path = std::string(kPathBytes, 'p');
    plan_.leaves.resize(kLeaves);
    results_.resize(kLeaves);
    for (uint32_t leaf = 0; leaf < kLeaves; ++leaf) {
      LeafResult& result = results_[leaf];
      result.form = LeafResult::Form::kStored;
      result.stored.blob = *metadata_.Add(repository::RandomContent(100, leaf));
      result.stored.blob.units = kPartsOfLeaf;
      for (uint32_t part = 0; part < kPartsOfLeaf; ++part) {
        plan_.leaves[leaf].plan.slices.push_back({0, 0, repository::kUnitBytes, false});
        result.slices.push_back({repository::kUnitBytes, static_cast<uint16_t>(part), false});
      }
    }
    format::Checkpoint head;
    head.set_backup_id(kUnfinishedRun);
    writer_.emplace(*cluster_.access, head, 3, kInterval);
  }

  Status Write() { return writer_->Write(source_, uploader_, metadata_); }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  repository::PackUploader uploader_{*cluster_.storage, cluster_.access->names, 1, 2};
  repository::MetadataWriter metadata_{*cluster_.access, uploader_};
  postgres::DataDirectoryListing listing_;
  CopyPlan plan_;
  std::vector<LeafResult> results_;
  PreviousMap previous_;
  const CheckpointWriter::Source source_{listing_, plan_, results_, previous_};
  std::optional<CheckpointWriter> writer_;
};

TEST_F(CheckpointWriterTest, WhatADocumentCannotHoldIsWrittenInParts) {
  for (uint32_t leaf = 0; leaf < kLeaves; ++leaf) writer_->Add(source_, leaf);
  Status written = Write();
  ASSERT_TRUE(written.ok()) << written.error().message;
  Result<repository::RunCheckpoints> parts =
      repository::ReadCheckpoints(*cluster_.access, kUnfinishedRun);
  ASSERT_TRUE(parts.ok()) << parts.error().message;
  ASSERT_FALSE(parts->readable.empty());
  int leaves = 0;
  size_t bytes = 0;
  for (const format::Checkpoint& part : parts->readable) {
    EXPECT_LT(part.ByteSizeLong(), kPartBytes + (kPartBytes >> 1));
    leaves += part.leaves_size();
    bytes += part.ByteSizeLong();
  }
  EXPECT_EQ(leaves, static_cast<int>(kLeaves));
  EXPECT_GT(bytes, size_t{64} << 20) << "one document would have done";
  // A full backup that goes on from there uses only leaves in packs that were named.
  EXPECT_EQ(parts->readable.front().new_packs_size(), 1);
}

// A run that finds nothing changed stores nothing, however many leaves it goes through.
TEST_F(CheckpointWriterTest, IsDueWhenWhatWasAddedFillsOne) {
  EXPECT_FALSE(writer_->IsDue(uploader_));
  writer_->Add(source_, 0);
  EXPECT_FALSE(writer_->IsDue(uploader_));
  uint32_t leaf = 1;
  while (leaf < kLeaves && !writer_->IsDue(uploader_)) writer_->Add(source_, leaf++);
  EXPECT_LT(leaf, 6u);
  ASSERT_TRUE(Write().ok());
  EXPECT_FALSE(writer_->IsDue(uploader_));
  Result<repository::RunCheckpoints> parts =
      repository::ReadCheckpoints(*cluster_.access, kUnfinishedRun);
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(parts->readable.size(), 1u) << "the estimate is not below the truth";
}

}  // namespace
}  // namespace pgcairn::commands
