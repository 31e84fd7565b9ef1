#include "repository/map/chunk_writer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "repository/keys/opened_keys.h"
#include "repository/pack/blob_reader.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

using Chunks = std::vector<std::string>;

Chunks RandomChunks(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  Chunks chunks;
  for (size_t i = 0; i < count; ++i) {
    chunks.push_back(fmt::format("{} {} ", seed, i) +
                     std::string(random() % 3000, static_cast<char>('a' + random() % 26)));
  }
  return chunks;
}

// One backup: streams as they were written.
struct ChunkBackup {
  std::map<uint32_t, Chunks> streams;
  // By stream and leaf.
  std::map<uint32_t, std::map<uint32_t, StoredChunkLeaf>> leaves;
  std::vector<PackReference> metadata_packs;
  ChunkCounts counts;
  size_t new_packs = 0;
};

class ChunkWriterTest : public ::testing::Test {
 protected:
  // A stream that an earlier backup has is compared with it.
  void Write(const std::map<uint32_t, Chunks>& streams, ChunkBackup& backup,
             const ChunkBackup* before = nullptr, const std::set<crypto::Sha256Digest>& lost = {},
             const PacksToEmpty& to_empty = {}) {
    backup.streams = streams;
    PackUploader uploader(*cluster_.storage, cluster_.access->names, 2, 2);
    MetadataWriter metadata(*cluster_.access, uploader);
    CompactionBudget budget(to_empty);
    ChunkWriter writer(*cluster_.access, uploader, metadata, 1, &budget,
                       [&](uint32_t stream, uint32_t leaf, const StoredChunkLeaf& stored) {
                         EXPECT_TRUE(backup.leaves[stream].emplace(leaf, stored).second);
                       });
    std::map<uint32_t, KnownChunks> known;
    for (const auto& [stream, chunks] : streams) {
      if (before != nullptr && before->streams.contains(stream)) {
        for (const auto& [number, leaf] : before->leaves.at(stream)) {
          known[stream].Add(Known(*before, leaf, lost, to_empty));
        }
      }
      writer.BeginStream(stream, before == nullptr ? nullptr : &known[stream]);
      for (const std::string& chunk : chunks) ASSERT_TRUE(writer.Add(AsBytes(chunk)).ok());
      ASSERT_TRUE(writer.EndStream().ok());
      if ((stream + 1) % streams_between_flushes_ == 0) {
        ASSERT_TRUE(writer.Flush().ok());
      }
    }
    ASSERT_TRUE(writer.Flush().ok());
    backup.counts = writer.counts();
    // What serves again is referred to where it is, as a stream list would.
    for (auto& [stream, leaves] : backup.leaves) {
      for (auto& [number, leaf] : leaves) {
        if (leaf.unchanged == nullptr) continue;
        leaf.blob = leaf.unchanged->at;
        unchanged_packs_[&leaf] = leaf.unchanged->pack;
      }
    }
    backup.metadata_packs = metadata.Finish().value();
    ASSERT_TRUE(uploader.Finish().ok());
    backup.new_packs = uploader.Stored().size();
    for (auto& [stream, leaves] : backup.leaves) {
      for (auto& [number, leaf] : leaves) leaf.unchanged = nullptr;
    }
  }

  ChunkLeaf ReadLeaf(const ChunkBackup& backup, const StoredChunkLeaf& leaf) {
    auto unchanged = unchanged_packs_.find(&leaf);
    const PackReference& pack = unchanged != unchanged_packs_.end()
                                    ? unchanged->second
                                    : backup.metadata_packs.at(leaf.blob.pack);
    BlobReader reader(*cluster_.access);
    Result<Bytes> raw = reader.Read(ObjectKind::kMetadataPack, pack, leaf.blob.location);
    CHECK(raw.ok());
    Result<ChunkLeaf> decoded = DecodeChunkLeaf(*raw);
    CHECK(decoded.ok());
    return std::move(decoded).value();
  }

  KnownChunkLeaf Known(const ChunkBackup& backup, const StoredChunkLeaf& leaf,
                       const std::set<crypto::Sha256Digest>& lost, const PacksToEmpty& to_empty) {
    KnownChunkLeaf known;
    auto unchanged = unchanged_packs_.find(&leaf);
    known.pack = unchanged != unchanged_packs_.end() ? unchanged->second
                                                     : backup.metadata_packs.at(leaf.blob.pack);
    known.at = leaf.blob;
    known.leaf = ReadLeaf(backup, leaf);
    for (const PackReference& pack : known.leaf.packs) {
      const bool empty = std::ranges::any_of(
          to_empty.packs, [&](const PackToEmpty& each) { return each.sha256 == pack.sha256; });
      known.verdicts.push_back(lost.contains(pack.sha256) ? PackVerdict::kLost
                               : empty                    ? PackVerdict::kToEmpty
                                                          : PackVerdict::kUsable);
    }
    return known;
  }

  // Every stream comes back from its leaves, and their needs name the packs that were read.
  void ExpectComesBack(const ChunkBackup& backup) {
    BlobReader reader(*cluster_.access);
    for (const auto& [stream, chunks] : backup.streams) {
      size_t next = 0;
      auto leaves = backup.leaves.find(stream);
      ASSERT_EQ(leaves != backup.leaves.end(), !chunks.empty());
      if (chunks.empty()) continue;
      for (const auto& [number, stored] : leaves->second) {
        const ChunkLeaf leaf = ReadLeaf(backup, stored);
        ASSERT_EQ(leaf.chunks.size(), stored.chunks);
        std::map<uint16_t, Bytes> blobs;
        uint64_t raw_bytes = 0;
        for (const ChunkEntry& chunk : leaf.chunks) {
          if (!blobs.contains(chunk.blob)) {
            const TableBlob& blob = leaf.blobs[chunk.blob];
            Result<Bytes> read =
                reader.Read(ObjectKind::kDataPack, leaf.packs[blob.pack], blob.location);
            ASSERT_TRUE(read.ok()) << read.error().message;
            blobs[chunk.blob] = std::move(read).value();
          }
          ASSERT_LT(next, chunks.size());
          ASSERT_EQ(AsText(ByteView(blobs[chunk.blob]).subspan(chunk.place, chunk.length)),
                    chunks[next]);
          ASSERT_EQ(chunk.id,
                    ChunkIdentity(cluster_.access->keys.chunk_key()).Of(AsBytes(chunks[next])));
          raw_bytes += chunk.length;
          ++next;
        }
        ASSERT_EQ(raw_bytes, stored.raw_bytes);
        if (!unchanged_packs_.contains(&stored)) {
          ASSERT_NO_FATAL_FAILURE(ExpectUses(leaf, stored));
        }
      }
      ASSERT_EQ(next, chunks.size());
    }
  }

  static void ExpectUses(const ChunkLeaf& leaf, const StoredChunkLeaf& stored) {
    std::set<crypto::Sha256Digest> needed;
    for (const ChunkEntry& chunk : leaf.chunks) {
      needed.insert(leaf.packs[leaf.blobs[chunk.blob].pack].sha256);
    }
    std::set<crypto::Sha256Digest> stated;
    for (const PackBytes& use : stored.uses) {
      stated.insert(use.pack.sha256);
      EXPECT_GT(use.bytes, 0u);
      EXPECT_LE(use.bytes, use.pack.length);
    }
    EXPECT_EQ(stated, needed);
  }

  std::set<crypto::Sha256Digest> DataPacks(const ChunkBackup& backup) {
    std::set<crypto::Sha256Digest> packs;
    for (const auto& [stream, leaves] : backup.leaves) {
      for (const auto& [number, leaf] : leaves) {
        for (const PackReference& pack : ReadLeaf(backup, leaf).packs) packs.insert(pack.sha256);
      }
    }
    return packs;
  }

  // Where leaves end depends on the cluster's key: with a key of chance a test that counts leaves
  // would be one of chance too.
  static MemoryCluster ClusterOfOneKey() {
    MemoryCluster cluster = MakeMemoryCluster();
    ClusterAccess& access = *cluster.access;
    Result<OpenedKeys> keys = OpenKeys(access.storage, access.names, access.place.repository, {});
    CHECK(keys.ok());
    keys->epoch->set_chunk_key(std::string(32, 'k'));
    access.keys = KeyRing(std::move(keys).value());
    return cluster;
  }

  MemoryCluster cluster_ = ClusterOfOneKey();
  uint32_t streams_between_flushes_ = 1'000'000;
  std::map<const StoredChunkLeaf*, PackReference> unchanged_packs_;
};

TEST_F(ChunkWriterTest, StreamsComeBack) {
  ChunkBackup backup;
  ASSERT_NO_FATAL_FAILURE(Write({{1, RandomChunks(20'000, 1)},
                                 {2, {}},
                                 {3, {"one"}},
                                 {4, Chunks(5'000, "the same")},
                                 {5, {std::string(kChunkBytesMax, 'x'), "y"}}},
                                backup));
  ASSERT_NO_FATAL_FAILURE(ExpectComesBack(backup));
  EXPECT_EQ(backup.counts.chunks, backup.counts.new_chunks);
  EXPECT_GE(backup.leaves[1].size(), 5u);
}

TEST_F(ChunkWriterTest, SmallStreamsShareBlobsAndPacks) {
  std::map<uint32_t, Chunks> streams;
  for (uint32_t i = 0; i < 300; ++i) streams[i] = RandomChunks(3, i);
  ChunkBackup backup;
  ASSERT_NO_FATAL_FAILURE(Write(streams, backup));
  ASSERT_NO_FATAL_FAILURE(ExpectComesBack(backup));
  EXPECT_EQ(backup.new_packs, 2u) << "one of data, one of leaves";
}

TEST_F(ChunkWriterTest, AFlushEndsAPackAndNotThoseThatFollow) {
  std::map<uint32_t, Chunks> streams;
  for (uint32_t i = 0; i < 300; ++i) streams[i] = RandomChunks(3, i);
  streams_between_flushes_ = 100;
  ChunkBackup backup;
  ASSERT_NO_FATAL_FAILURE(Write(streams, backup));
  ASSERT_NO_FATAL_FAILURE(ExpectComesBack(backup));
  EXPECT_EQ(backup.new_packs, 4u) << "three of data, one of leaves";
}

TEST_F(ChunkWriterTest, WhatDidNotChangeIsNotStoredAgain) {
  const std::map<uint32_t, Chunks> streams{{1, RandomChunks(9'000, 1)}, {2, {"small"}}};
  ChunkBackup first;
  ASSERT_NO_FATAL_FAILURE(Write(streams, first));
  ChunkBackup second;
  ASSERT_NO_FATAL_FAILURE(Write(streams, second, &first));
  EXPECT_EQ(second.new_packs, 0u) << "not even a leaf";
  EXPECT_EQ(second.counts.new_chunks, 0u);
  ASSERT_NO_FATAL_FAILURE(ExpectComesBack(second));
}

TEST_F(ChunkWriterTest, AChangeCostsItsChunksAndTheLeafAroundIt) {
  Chunks rows = RandomChunks(30'000, 1);
  ChunkBackup first;
  ASSERT_NO_FATAL_FAILURE(Write({{1, rows}}, first));
  rows.insert(rows.begin() + 4'000, "inserted");
  rows.erase(rows.begin() + 17'000);
  rows[23'000] = "changed";
  ChunkBackup second;
  ASSERT_NO_FATAL_FAILURE(Write({{1, rows}}, second, &first));
  ASSERT_NO_FATAL_FAILURE(ExpectComesBack(second));
  EXPECT_EQ(second.counts.new_chunks, 2u);
  size_t stored = 0;
  for (const auto& [number, leaf] : second.leaves[1]) stored += !unchanged_packs_.contains(&leaf);
  EXPECT_LE(stored, 6u) << "of " << second.leaves[1].size() << " leaves";
  EXPECT_GT(second.leaves[1].size(), 10u);
}

TEST_F(ChunkWriterTest, ChunksInLostPacksAreStoredAgain) {
  const std::map<uint32_t, Chunks> streams{{1, RandomChunks(2'000, 1)}};
  ChunkBackup first;
  ASSERT_NO_FATAL_FAILURE(Write(streams, first));
  const std::set<crypto::Sha256Digest> lost = DataPacks(first);
  ChunkBackup second;
  ASSERT_NO_FATAL_FAILURE(Write(streams, second, &first, lost));
  ASSERT_NO_FATAL_FAILURE(ExpectComesBack(second));
  EXPECT_EQ(second.counts.new_chunks, 2'000u);
  for (const crypto::Sha256Digest& pack : DataPacks(second)) EXPECT_FALSE(lost.contains(pack));
}

TEST_F(ChunkWriterTest, PacksToBeEmptiedLoseAllReferences) {
  Chunks rows = RandomChunks(2'000, 1);
  ChunkBackup first;
  ASSERT_NO_FATAL_FAILURE(Write({{1, rows}}, first));
  PacksToEmpty to_empty;
  for (const crypto::Sha256Digest& pack : DataPacks(first))
    to_empty.packs.push_back({pack, 1 << 30});
  rows.emplace_back("appended");
  ChunkBackup second;
  ASSERT_NO_FATAL_FAILURE(Write({{1, rows}}, second, &first, {}, to_empty));
  ASSERT_NO_FATAL_FAILURE(ExpectComesBack(second));
  EXPECT_EQ(second.counts.new_chunks, 1u);
  EXPECT_GT(second.counts.compacted_bytes, 0u);
  for (const PackToEmpty& pack : to_empty.packs) {
    EXPECT_FALSE(DataPacks(second).contains(pack.sha256));
  }
}

TEST_F(ChunkWriterTest, AnySequenceOfChangesComesBack) {
  std::mt19937_64 random(7);
  std::map<uint32_t, Chunks> streams{{1, RandomChunks(3'000, 1)}, {2, RandomChunks(40, 2)}};
  std::vector<std::unique_ptr<ChunkBackup>> backups;
  for (int step = 0; step < 10; ++step) {
    for (auto& [stream, rows] : streams) {
      for (uint64_t edits = random() % 20; edits > 0 && !rows.empty(); --edits) {
        const auto at = static_cast<ptrdiff_t>(random() % rows.size());
        switch (random() % 3) {
          case 0:
            rows.erase(rows.begin() + at);
            break;
          case 1:
            rows.insert(rows.begin() + at, fmt::format("new {}", random()));
            break;
          default:
            std::swap(rows[static_cast<size_t>(at)], rows[random() % rows.size()]);
        }
      }
    }
    backups.push_back(std::make_unique<ChunkBackup>());
    const ChunkBackup* before = step == 0 ? nullptr : backups[backups.size() - 2].get();
    ASSERT_NO_FATAL_FAILURE(Write(streams, *backups.back(), before));
    for (const auto& backup : backups) ASSERT_NO_FATAL_FAILURE(ExpectComesBack(*backup));
  }
}

}  // namespace
}  // namespace pgcairn::repository
