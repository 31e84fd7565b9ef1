#include "repository/map/chunk_leaf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "repository/map/map_leaf.h"

namespace pgcairn::repository {
namespace {

constexpr uint32_t kBlobRawBytes = 100'000;

ChunkLeaf SampleChunks() {
  ChunkLeaf leaf;
  for (uint8_t i = 0; i < 3; ++i) {
    PackReference pack;
    pack.sha256.bytes.fill(i);
    pack.length = 1'000'000;
    leaf.packs.push_back(pack);
  }
  for (uint32_t i = 0; i < 10; ++i) {
    leaf.blobs.push_back({i % 3, {1000 * i + 200, 900, kBlobRawBytes, i, 1}, 0});
  }
  for (uint32_t i = 0; i < 120; ++i) {
    leaf.chunks.push_back({static_cast<uint16_t>(i % 10), i * 700, 1 + i * 7, {}});
    leaf.chunks.back().id.bytes.fill(static_cast<uint8_t>(i));
  }
  return leaf;
}

Code CodeAfter(const ChunkLeaf& leaf) {
  Result<ChunkLeaf> decoded = DecodeChunkLeaf(EncodeChunkLeaf(leaf));
  return decoded.ok() ? Code::kFailed : decoded.code();
}

void ExpectInRange(const ChunkLeaf& leaf) {
  ASSERT_FALSE(leaf.chunks.empty());
  ASSERT_LE(leaf.chunks.size(), kLeafChunksMax);
  for (const TableBlob& blob : leaf.blobs) ASSERT_LT(blob.pack, leaf.packs.size());
  for (const ChunkEntry& chunk : leaf.chunks) {
    ASSERT_LT(chunk.blob, leaf.blobs.size());
    ASSERT_GT(chunk.length, 0u);
    ASSERT_LE(uint64_t{chunk.place} + chunk.length, leaf.blobs[chunk.blob].location.raw_length);
  }
}

TEST(ChunkLeaf, ComesBackAsItWasWritten) {
  const ChunkLeaf leaf = SampleChunks();
  const Bytes raw = EncodeChunkLeaf(leaf);
  EXPECT_EQ(raw.size(), 24 + 3 * 80 + 10 * 24 + 120 * 26u);
  EXPECT_TRUE(IsChunkLeaf(raw));
  Result<ChunkLeaf> decoded = DecodeChunkLeaf(raw);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(decoded->packs, leaf.packs);
  ASSERT_EQ(decoded->chunks.size(), leaf.chunks.size());
  for (size_t i = 0; i < leaf.chunks.size(); ++i) {
    EXPECT_EQ(decoded->chunks[i].blob, leaf.chunks[i].blob);
    EXPECT_EQ(decoded->chunks[i].place, leaf.chunks[i].place);
    EXPECT_EQ(decoded->chunks[i].length, leaf.chunks[i].length);
    EXPECT_EQ(decoded->chunks[i].id, leaf.chunks[i].id);
  }
  EXPECT_EQ(EncodeChunkLeaf(*decoded), raw);
}

TEST(ChunkLeaf, TheLargestComesBack) {
  ChunkLeaf leaf = SampleChunks();
  leaf.chunks.resize(kLeafChunksMax, leaf.chunks[3]);
  EXPECT_EQ(DecodeChunkLeaf(EncodeChunkLeaf(leaf))->chunks.size(), kLeafChunksMax);
}

TEST(ChunkLeaf, EveryIndexPlaceAndLengthOutOfRangeIsDamaged) {
  ChunkLeaf leaf = SampleChunks();
  leaf.chunks[5].blob = 10;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleChunks();
  leaf.chunks[5].length = 0;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleChunks();
  leaf.chunks[5].place = kBlobRawBytes - leaf.chunks[5].length + 1;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleChunks();
  leaf.chunks[5].place = UINT32_MAX;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged) << "place and length must not wrap around";
  leaf = SampleChunks();
  leaf.blobs[4].pack = 3;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleChunks();
  leaf.blobs[9].location.raw_length = kDataBlobRawBytesMax + 1;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
}

TEST(ChunkLeaf, AChunkThatEndsWithItsBlobIsFine) {
  ChunkLeaf leaf = SampleChunks();
  leaf.chunks[5].place = kBlobRawBytes - leaf.chunks[5].length;
  EXPECT_TRUE(DecodeChunkLeaf(EncodeChunkLeaf(leaf)).ok());
}

TEST(ChunkLeaf, AnotherVersionKindOrAlgorithmIsUnsupported) {
  const Bytes raw = EncodeChunkLeaf(SampleChunks());
  for (size_t at : {4u, 6u, 7u, 8u}) {
    Bytes changed = raw;
    changed[at] ^= 4;
    EXPECT_EQ(DecodeChunkLeaf(changed).code(), Code::kUnsupported) << at;
  }
  EXPECT_EQ(DecodeMapLeaf(raw).code(), Code::kUnsupported) << "a leaf of pages is another kind";
  EXPECT_FALSE(IsChunkLeaf(ByteView(raw).first(6)));
}

TEST(ChunkLeaf, EveryOtherLengthIsDamaged) {
  Bytes raw = EncodeChunkLeaf(SampleChunks());
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_EQ(DecodeChunkLeaf(ByteView(raw).first(size)).code(), Code::kDamaged) << size;
  }
  raw.push_back(0);
  EXPECT_EQ(DecodeChunkLeaf(raw).code(), Code::kDamaged);
}

TEST(ChunkLeaf, NoMutationIsAcceptedWithAnIndexOutOfRange) {
  const Bytes raw = EncodeChunkLeaf(SampleChunks());
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    Bytes changed = raw;
    for (uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
      changed[random() % changed.size()] = static_cast<uint8_t>(random());
    }
    Result<ChunkLeaf> decoded = DecodeChunkLeaf(changed);
    if (decoded.ok()) {
      ASSERT_NO_FATAL_FAILURE(ExpectInRange(*decoded));
    }
  }
}

}  // namespace
}  // namespace pgcairn::repository
