#include "repository/map/unit_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "repository/pack/blob_reader.h"
#include "repository/testing/memory_cluster.h"
#include "storage/testing/faulty_storage.h"

namespace pgcairn::repository {
namespace {

using Streams = std::vector<Bytes>;

class UnitWriterTest : public ::testing::Test {
 protected:
  // Writes each entry as one leaf of several streams and reads all of them back.
  void RoundTrip(const std::vector<Streams>& leaves) {
    ASSERT_NO_FATAL_FAILURE(Write(leaves));
    std::vector<uint32_t> expected;
    for (uint32_t i = 0; i < leaves.size(); ++i) {
      bool any =
          std::ranges::any_of(leaves[i], [](const Bytes& stream) { return !stream.empty(); });
      if (any) expected.push_back(i);
    }
    // A leaf whose pack stays open is reported later than those that need none.
    std::sort(order_.begin(), order_.end());
    EXPECT_EQ(order_, expected) << "each leaf is reported once, those without units not at all";
    for (uint32_t i : expected) ASSERT_NO_FATAL_FAILURE(Compare(leaves[i], i));
  }

  void Write(const std::vector<Streams>& leaves) {
    PackUploader uploader(*cluster_.storage, cluster_.access->names, 2, 2);
    MetadataWriter metadata(*cluster_.access, uploader);
    UnitWriter writer(*cluster_.access, uploader, metadata, 1, nullptr,
                      [&](uint32_t number, const StoredLeaf& leaf) {
                        EXPECT_FALSE(leaf.unchanged || leaf.base_pack);
                        order_.push_back(number);
                        stored_[number] = leaf;
                      });
    uint64_t units = 0;
    for (uint32_t i = 0; i < leaves.size(); ++i) {
      writer.BeginLeaf(i);
      for (const Bytes& stream : leaves[i]) {
        units += (stream.size() + kUnitBytes - 1) / kUnitBytes;
        ASSERT_NO_FATAL_FAILURE(WriteStream(writer, stream));
      }
      ASSERT_TRUE(writer.EndLeaf().ok());
    }
    ASSERT_TRUE(writer.Flush().ok());
    EXPECT_EQ(writer.counts().written, units);
    EXPECT_EQ(writer.counts().read, units);
    EXPECT_EQ(writer.counts().changed, units);
    EXPECT_EQ(writer.counts().compacted, 0u);
    packs_ = metadata.Finish().value();
    ASSERT_TRUE(uploader.Finish().ok());
    pack_count_ = uploader.Stored().size();
  }

  static void WriteStream(UnitWriter& writer, ByteView stream) {
    while (!stream.empty()) {
      std::span<uint8_t> room = writer.Room();
      ASSERT_GE(room.size(), kUnitBytes);
      size_t now = std::min(room.size() - room.size() % kUnitBytes, stream.size());
      std::ranges::copy(stream.first(now), room.begin());
      ASSERT_TRUE(writer.Commit(now).ok());
      stream = stream.subspan(now);
    }
  }

  void Compare(const Streams& streams, uint32_t number) {
    BlobReader reader(*cluster_.access);
    const PendingBlob& at = stored_.at(number).blob;
    Result<Bytes> raw = reader.Read(ObjectKind::kMetadataPack, packs_.at(at.pack), at.location);
    ASSERT_TRUE(raw.ok()) << raw.error().message;
    Result<MapLeaf> leaf = DecodeMapLeaf(*raw);
    ASSERT_TRUE(leaf.ok()) << leaf.error().message;
    ASSERT_EQ(leaf->units.size(), at.units);
    leaves_[number] = *leaf;
    std::vector<Bytes> blobs;
    for (const TableBlob& blob : leaf->blobs) {
      Result<Bytes> read =
          reader.Read(ObjectKind::kDataPack, leaf->packs.at(blob.pack), blob.location);
      ASSERT_TRUE(read.ok()) << read.error().message;
      blobs.push_back(std::move(read).value());
    }
    crypto::PageFingerprint fingerprint(cluster_.access->keys.fingerprint_secret());
    size_t next = 0;
    for (const Bytes& stream : streams) {
      for (size_t offset = 0; offset < stream.size(); offset += kUnitBytes) {
        ByteView unit =
            ByteView(stream).subspan(offset, std::min<size_t>(kUnitBytes, stream.size() - offset));
        ASSERT_LT(next, leaf->units.size());
        const UnitEntry& entry = leaf->units[next++];
        ASSERT_EQ(entry.fingerprint, fingerprint.Of(unit));
        bool zero = std::ranges::all_of(unit, [](uint8_t byte) { return byte == 0; });
        ASSERT_EQ(entry.blob == kZeroUnit, zero);
        if (zero) continue;
        ASSERT_LE(entry.place + unit.size(), blobs[entry.blob].size());
        ASSERT_TRUE(std::ranges::equal(
            unit, ByteView(blobs[entry.blob]).subspan(entry.place, unit.size())));
      }
    }
    EXPECT_EQ(next, leaf->units.size());
  }

  MemoryCluster cluster_ = MakeMemoryCluster();
  std::vector<uint32_t> order_;
  std::map<uint32_t, StoredLeaf> stored_;
  std::map<uint32_t, MapLeaf> leaves_;
  std::vector<PackReference> packs_;
  size_t pack_count_ = 0;
};

Bytes Pages(std::initializer_list<uint8_t> fills) {
  Bytes bytes;
  for (uint8_t fill : fills) bytes.insert(bytes.end(), kUnitBytes, fill);
  return bytes;
}

TEST_F(UnitWriterTest, ZeroUnitsAreStoredNowhereWhereverTheyStand) {
  RoundTrip({{Pages({0, 0, 1, 0, 2, 2, 0, 0, 3, 0})}, {Pages({0, 0, 0})}, {Pages({9})}});
  EXPECT_TRUE(leaves_[1].blobs.empty());
  EXPECT_TRUE(leaves_[1].packs.empty());
  EXPECT_EQ(leaves_[0].blobs.at(0).location.raw_length, 4 * kUnitBytes);
}

TEST_F(UnitWriterTest, AShortLastUnitComesBackWithItsLength) {
  Bytes zeros_at_end = Pages({1, 2});
  zeros_at_end.insert(zeros_at_end.end(), 100, 0);
  RoundTrip({{RandomContent(1, 1)}, {RandomContent(kUnitBytes + 1, 2)}, {zeros_at_end}});
  EXPECT_EQ(leaves_[2].units.back().blob, kZeroUnit);
}

TEST_F(UnitWriterTest, SmallStreamsShareBlobs) {
  Streams streams;
  std::mt19937_64 generator(3);
  for (uint64_t i = 0; i < 400; ++i) {
    uint64_t size = 1 + generator() % 9000;
    streams.push_back(i % 9 == 0 ? Bytes(size, 0) : RandomContent(size, i));
  }
  RoundTrip({streams});
  EXPECT_LT(leaves_[0].blobs.size(), 10u);
}

TEST_F(UnitWriterTest, ALeafWithoutUnitsIsDropped) {
  RoundTrip({{}, {RandomContent(10, 1)}, {Bytes()}, {RandomContent(10, 2)}, {}});
}

TEST_F(UnitWriterTest, NothingWrittenStoresNothing) {
  RoundTrip({});
  EXPECT_EQ(pack_count_, 0u);
}

TEST_F(UnitWriterTest, AFullLeafLiesInSeveralPacks) {
  // The small leaf before it shares its first pack.
  RoundTrip({{RandomContent(50'000, 1)},
             {RandomContent(uint64_t{kLeafUnitsMax} * kUnitBytes, 2)},
             {RandomContent(50'000, 3)}});
  EXPECT_GE(leaves_[1].packs.size(), 2u);
  EXPECT_EQ(leaves_[0].packs.at(0), leaves_[1].packs.front());
}

TEST_F(UnitWriterTest, LeavesDoNotPileUpBehindAPackThatDoesNotFill) {
  // Leaves of 64 KiB each that have one small blob: 8 MiB of them may wait.
  KnownLeaf known;
  known.leaf.units.resize(kLeafUnitsMax);
  PackUploader uploader(*cluster_.storage, cluster_.access->names, 2, 2);
  MetadataWriter metadata(*cluster_.access, uploader);
  uint32_t reported = 0;
  UnitWriter writer(*cluster_.access, uploader, metadata, 1, nullptr,
                    [&](uint32_t, const StoredLeaf&) { ++reported; });
  for (uint32_t i = 0; i < 300; ++i) {
    writer.BeginLeaf(i);
    std::ranges::fill(writer.Room().first(kUnitBytes), static_cast<uint8_t>(i % 200 + 1));
    ASSERT_TRUE(writer.Commit(kUnitBytes).ok());
    for (uint32_t unit = 1; unit < kLeafUnitsMax; ++unit) writer.Keep({&known, unit});
    ASSERT_TRUE(writer.EndLeaf().ok());
    ASSERT_LT(i + 1 - reported, 130u) << "leaves wait";
  }
  EXPECT_GE(reported, 170u);
  ASSERT_TRUE(writer.Flush().ok());
  EXPECT_EQ(reported, 300u);
  ASSERT_TRUE(metadata.Finish().ok());
  ASSERT_TRUE(uploader.Finish().ok());
}

TEST_F(UnitWriterTest, AnyMixtureComesBack) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    std::mt19937_64 generator(seed);
    std::vector<Streams> leaves;
    for (uint64_t i = 0; i < 30; ++i) {
      Streams& streams = leaves.emplace_back();
      for (uint64_t n = generator() % 6; n > 0; --n) {
        Bytes stream = RandomContent(generator() % 200'000, generator());
        for (size_t at = 0; at < stream.size(); at += kUnitBytes) {
          if (generator() % 3 != 0) continue;
          std::fill_n(stream.begin() + static_cast<ptrdiff_t>(at),
                      std::min<size_t>(kUnitBytes, stream.size() - at),
                      static_cast<uint8_t>(generator() % 2));
        }
        streams.push_back(std::move(stream));
      }
    }
    order_.clear();
    stored_.clear();
    leaves_.clear();
    ASSERT_NO_FATAL_FAILURE(RoundTrip(leaves)) << "seed " << seed;
  }
}

TEST(MetadataWriter, BlobsGoOnInTheNextPackWhenOneIsFull) {
  MemoryCluster cluster = MakeMemoryCluster();
  PackUploader uploader(*cluster.storage, cluster.access->names, 1, 1);
  MetadataWriter metadata(*cluster.access, uploader);
  std::vector<PendingBlob> pending;
  for (uint64_t i = 0; i < 6; ++i) {
    pending.push_back(metadata.Add(RandomContent(6 << 20, i)).value());
  }
  std::vector<PackReference> packs = metadata.Finish().value();
  ASSERT_TRUE(uploader.Finish().ok());
  EXPECT_GE(packs.size(), 2u);
  EXPECT_EQ(uploader.Stored().size(), packs.size());
  BlobReader reader(*cluster.access);
  for (uint64_t i = 0; i < 6; ++i) {
    Result<Bytes> raw =
        reader.Read(ObjectKind::kMetadataPack, packs.at(pending[i].pack), pending[i].location);
    ASSERT_TRUE(raw.ok()) << raw.error().message;
    EXPECT_EQ(*raw, RandomContent(6 << 20, i));
  }
}

TEST(MetadataWriter, ManyThreadsAddAtOnce) {
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kEach = 6;
  MemoryCluster cluster = MakeMemoryCluster();
  PackUploader uploader(*cluster.storage, cluster.access->names, 1, 1);
  MetadataWriter metadata(*cluster.access, uploader);
  std::vector<std::vector<PendingBlob>> pending(kThreads);
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < kEach; ++i) {
        pending[thread].push_back(metadata.Add(RandomContent(2 << 20, thread * kEach + i)).value());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<PackReference> packs = metadata.Finish().value();
  ASSERT_TRUE(uploader.Finish().ok());
  EXPECT_GE(packs.size(), 2u);
  BlobReader reader(*cluster.access);
  for (uint64_t thread = 0; thread < kThreads; ++thread) {
    for (uint64_t i = 0; i < kEach; ++i) {
      const PendingBlob& blob = pending[thread].at(i);
      Result<Bytes> raw =
          reader.Read(ObjectKind::kMetadataPack, packs.at(blob.pack), blob.location);
      ASSERT_TRUE(raw.ok()) << raw.error().message;
      EXPECT_EQ(*raw, RandomContent(2 << 20, thread * kEach + i));
    }
  }
}

TEST(UnitWriter, AFailingStorageIsReported) {
  auto faulty =
      std::make_shared<storage::FaultyStorage>(std::make_shared<storage::MemoryStorage>());
  MemoryCluster cluster = MakeMemoryCluster(faulty);
  faulty->Add({.request = storage::Request::kPut,
               .name_contains = "packs/",
               .times = UINT64_MAX / 2,
               .code = Code::kNoSpace});
  PackUploader uploader(*faulty, cluster.access->names, 2, 2);
  MetadataWriter metadata(*cluster.access, uploader);
  UnitWriter writer(*cluster.access, uploader, metadata, 1, nullptr,
                    [](uint32_t, const StoredLeaf&) {});
  writer.BeginLeaf(0);
  Bytes unit = RandomContent(kUnitBytes, 1);
  std::ranges::copy(unit, writer.Room().begin());
  ASSERT_TRUE(writer.Commit(unit.size()).ok());
  ASSERT_TRUE(writer.EndLeaf().ok());
  (void)writer.Flush();
  (void)metadata.Finish();
  EXPECT_EQ(uploader.Finish().code(), Code::kNoSpace);
}

}  // namespace
}  // namespace pgcairn::repository
