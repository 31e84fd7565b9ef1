#include "commands/batch_restorer.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "commands/leaf_queue.h"
#include "commands/place_stream.h"
#include "repository/map/leaf_reader.h"
#include "repository/map/metadata_writer.h"
#include "repository/pack/pack_builder.h"
#include "repository/testing/memory_cluster.h"
#include "storage/counting/counting_storage.h"
#include "storage/testing/scratch_directory.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;
using repository::MapLeaf;
using repository::PackReference;
using repository::PendingBlob;
using repository::RandomContent;

constexpr uint32_t kLeaves = kBatchLeavesMax;
constexpr uint32_t kPacks = 12;

// One file as it looks after many incremental backups: each leaf has a unit in each of many packs.
class BatchRestorerTest : public ::testing::Test {
 protected:
  BatchRestorerTest() {
    crypto::PageFingerprint fingerprint(cluster_.access->keys.fingerprint_secret());
    std::vector<MapLeaf> leaves(kLeaves);
    content_.resize(kLeaves * kPacks * kUnitBytes);
    for (uint32_t pack = 0; pack < kPacks; ++pack) {
      repository::PackBuilder builder =
          repository::PackBuilder::Begin(repository::ObjectKind::kDataPack,
                                         cluster_.access->keys.Current(), cluster_.access->place,
                                         &encoder_)
              .value();
      for (uint32_t leaf = 0; leaf < kLeaves; ++leaf) {
        const uint32_t unit = leaf * kPacks + pack;
        const Bytes page = RandomContent(kUnitBytes, unit);
        std::copy(page.begin(), page.end(), content_.begin() + size_t{unit} * kUnitBytes);
        leaves[leaf].blobs.push_back({pack, builder.Add(page).value(), 0});
        leaves[leaf].units.push_back({static_cast<uint16_t>(pack), 0, fingerprint.Of(page)});
      }
      repository::FinishedPack finished = builder.Finish();
      Store(finished);
      for (MapLeaf& leaf : leaves) leaf.packs.push_back(finished.reference);
    }
    StoreLeaves(leaves);
    repository::StreamEntry file;
    file.kind = repository::StreamKind::kRelationFile;
    file.mode = 0600;
    file.path = "16384";
    file.size = content_.size();
    file.first_leaf = 0;
    list_.streams.push_back(file);
    parts_ = repository::PartsByLeaf(list_);
    roots_.data_directory = scratch_.path();
    std::iota(batch_.begin(), batch_.end(), 0);
  }

  void Store(const repository::FinishedPack& pack) {
    CHECK(counting_->PutIfAbsent(cluster_.access->names.Pack(pack.reference.sha256), pack.view())
              .ok());
  }

  void StoreLeaves(const std::vector<MapLeaf>& leaves) {
    repository::PackUploader uploader(*counting_, cluster_.access->names, 1, 1);
    repository::MetadataWriter writer(*cluster_.access, uploader);
    for (const MapLeaf& leaf : leaves) {
      Result<PendingBlob> stored = writer.Add(EncodeMapLeaf(leaf));
      CHECK(stored.ok());
      stored->units = static_cast<uint16_t>(leaf.units.size());
      list_.leaves.push_back(*stored);
    }
    Result<std::vector<PackReference>> packs = writer.Finish();
    CHECK(packs.ok() && uploader.Finish().ok());
    list_.packs = *packs;
  }

  Status Restore() {
    Result<bool> was_there = PlaceFile(path_, list_.streams[0], Existing::kReuse);
    CHECK(was_there.ok());
    std::vector<bool> compare{*was_there};
    ListToRestore shared{*cluster_.access, roots_,  list_,     parts_,
                         compare,          counts_, progress_, stop_};
    return BatchRestorer(shared).Restore(batch_);
  }

  storage::RequestCount Requests() const { return counting_->Count(storage::Request::kGetRange); }

  storage::ScratchDirectory scratch_;
  const std::string path_ = scratch_.path() + "/16384";
  std::shared_ptr<storage::CountingStorage> counting_ =
      std::make_shared<storage::CountingStorage>(std::make_shared<storage::MemoryStorage>());
  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster(counting_);
  repository::Encoder encoder_{1};
  Bytes content_;
  repository::StreamList list_;
  std::vector<std::vector<repository::LeafPart>> parts_;
  StreamRoots roots_;
  UnitCounts counts_;
  Progress progress_{ProgressStyle::kNone, "restore", 0};
  std::atomic<bool> stop_{false};
  std::vector<size_t> batch_ = std::vector<size_t>(kLeaves);
};

TEST_F(BatchRestorerTest, OneRequestForEachPackAndOneForTheLeaves) {
  ASSERT_TRUE(Restore().ok());
  EXPECT_TRUE(ReadFile(path_, content_.size()).value() == content_);
  EXPECT_EQ(Requests().requests, kPacks + 1);
  EXPECT_EQ(counts_.pages_written, kLeaves * kPacks);
  EXPECT_EQ(counts_.pages_compared, 0u);
}

TEST_F(BatchRestorerTest, OfAFileThatIsThereOnlyWhatDiffersIsFetched) {
  ASSERT_TRUE(Restore().ok());
  const storage::RequestCount before = Requests();
  ASSERT_TRUE(Restore().ok());
  EXPECT_EQ(Requests().requests, before.requests + 1) << "the leaves";
  const uint64_t of_leaves = Requests().bytes - before.bytes;
  {
    Result<UniqueFd> fd = Open(path_, O_WRONLY);
    ASSERT_TRUE(fd.ok() && WriteAt(fd->get(), AsBytes("x"), 100 * kUnitBytes + 5, path_).ok());
  }
  ASSERT_TRUE(Restore().ok());
  EXPECT_TRUE(ReadFile(path_, content_.size()).value() == content_);
  EXPECT_EQ(Requests().requests, before.requests + 3);
  EXPECT_LT(Requests().bytes, before.bytes + 2 * of_leaves + kUnitBytes + 100);
  EXPECT_EQ(counts_.pages_compared, 2 * kLeaves * kPacks);
  EXPECT_EQ(counts_.pages_written, kLeaves * kPacks + 1);
}

TEST_F(BatchRestorerTest, AUnitThatIsNotWhatItsLeafSaysIsNotWritten) {
  std::vector<MapLeaf> leaves;
  repository::BlobReader reader(*cluster_.access);
  for (size_t i = 0; i < kLeaves; ++i) leaves.push_back(ReadLeaf(reader, list_, i).value());
  leaves[3].units[5].fingerprint ^= 1;
  list_.leaves.clear();
  StoreLeaves(leaves);
  Status restored = Restore();
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.code(), Code::kDamaged);
  EXPECT_NE(restored.error().message.find("unit 41 of 16384"), std::string::npos);
  Bytes written = ReadFile(path_, content_.size()).value();
  EXPECT_TRUE(std::all_of(written.begin() + 41 * kUnitBytes, written.begin() + 42 * kUnitBytes,
                          [](uint8_t byte) { return byte == 0; }));
}

TEST_F(BatchRestorerTest, OneThatIsToldToStopStops) {
  stop_ = true;
  Status restored = Restore();
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.code(), Code::kCancelled);
  EXPECT_EQ(counts_.pages_written, 0u);
}

}  // namespace
}  // namespace pgcairn::commands
