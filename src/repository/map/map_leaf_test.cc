#include "repository/map/map_leaf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace pgcairn::repository {
namespace {

PackReference LeafPack(uint8_t seed, uint64_t length) {
  PackReference pack;
  pack.sha256.bytes.fill(seed);
  pack.length = length;
  pack.key_id.bytes.fill(7);
  pack.salt.bytes.fill(static_cast<uint8_t>(seed + 1));
  return pack;
}

MapLeaf SampleLeaf() {
  MapLeaf leaf;
  for (uint8_t i = 0; i < 3; ++i) leaf.packs.push_back(LeafPack(i, 1'000'000));
  for (uint32_t i = 0; i < 10; ++i) {
    leaf.blobs.push_back({i % 3, {1000 * i + 200, 900, 20 * kUnitBytes, i, 1}, 0});
  }
  for (uint32_t i = 0; i < 120; ++i) {
    bool zero = i % 7 == 0;
    leaf.units.push_back({zero ? kZeroUnit : static_cast<uint16_t>(i % 10),
                          zero ? 0 : (i % 20) * kUnitBytes, i * 0x9e3779b97f4a7c15u});
  }
  return leaf;
}

void ExpectIndexesInRange(const MapLeaf& leaf) {
  ASSERT_FALSE(leaf.units.empty());
  ASSERT_LE(leaf.units.size(), kLeafUnitsMax);
  for (const TableBlob& blob : leaf.blobs) {
    ASSERT_LT(blob.pack, leaf.packs.size());
    ASSERT_LE(uint64_t{blob.location.offset} + blob.location.stored_length,
              leaf.packs[blob.pack].length);
    ASSERT_LE(blob.location.raw_length, kDataBlobRawBytesMax);
    ASSERT_GE(blob.location.stored_length, 16u);
  }
  for (const UnitEntry& unit : leaf.units) {
    if (unit.blob == kZeroUnit) continue;
    ASSERT_LT(unit.blob, leaf.blobs.size());
    ASSERT_LT(unit.place, leaf.blobs[unit.blob].location.raw_length);
  }
}

TEST(MapLeaf, ComesBackAsItWasWritten) {
  MapLeaf leaf = SampleLeaf();
  Bytes raw = EncodeMapLeaf(leaf);
  EXPECT_EQ(raw.size(), 24 + 3 * 80 + 10 * 24 + 120 * 14u);
  EXPECT_EQ(AsText(ByteView(raw).first(4)), "PGML");
  Result<MapLeaf> decoded = DecodeMapLeaf(raw);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(decoded->packs, leaf.packs);
  ASSERT_EQ(decoded->units.size(), leaf.units.size());
  for (size_t i = 0; i < leaf.units.size(); ++i) {
    EXPECT_EQ(decoded->units[i].blob, leaf.units[i].blob);
    EXPECT_EQ(decoded->units[i].place, leaf.units[i].place);
    EXPECT_EQ(decoded->units[i].fingerprint, leaf.units[i].fingerprint);
  }
  EXPECT_EQ(EncodeMapLeaf(*decoded), raw);
}

TEST(MapLeaf, TheLargestAndTheSmallestComeBack) {
  MapLeaf leaf;
  leaf.units.resize(kLeafUnitsMax);
  EXPECT_EQ(DecodeMapLeaf(EncodeMapLeaf(leaf))->units.size(), kLeafUnitsMax);
  leaf.units.resize(1);
  EXPECT_EQ(DecodeMapLeaf(EncodeMapLeaf(leaf))->units.size(), 1u);
}

Code CodeAfter(const MapLeaf& leaf) {
  Result<MapLeaf> decoded = DecodeMapLeaf(EncodeMapLeaf(leaf));
  return decoded.ok() ? Code::kFailed : decoded.code();
}

TEST(MapLeaf, EveryIndexAndPlaceOutOfRangeIsDamaged) {
  MapLeaf leaf = SampleLeaf();
  leaf.blobs[4].pack = 3;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleLeaf();
  leaf.units[5].blob = 10;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleLeaf();
  leaf.units[5].place = 20 * kUnitBytes;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleLeaf();
  leaf.blobs[9].location.offset = 999'200;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleLeaf();
  leaf.blobs[9].location.raw_length = kDataBlobRawBytesMax + 1;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
  leaf = SampleLeaf();
  leaf.packs[0].length = uint64_t{1} << 40;
  EXPECT_EQ(CodeAfter(leaf), Code::kDamaged);
}

TEST(MapLeaf, AnotherVersionKindAlgorithmOrUnitSizeIsUnsupported) {
  const Bytes raw = EncodeMapLeaf(SampleLeaf());
  for (size_t at : {4u, 6u, 7u, 9u}) {
    Bytes changed = raw;
    changed[at] ^= 3;
    EXPECT_EQ(DecodeMapLeaf(changed).code(), Code::kUnsupported) << at;
  }
}

TEST(MapLeaf, EveryOtherLengthIsDamaged) {
  Bytes raw = EncodeMapLeaf(SampleLeaf());
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_EQ(DecodeMapLeaf(ByteView(raw).first(size)).code(), Code::kDamaged) << size;
  }
  raw.push_back(0);
  EXPECT_EQ(DecodeMapLeaf(raw).code(), Code::kDamaged);
}

TEST(MapLeaf, NoMutationIsAcceptedWithAnIndexOutOfRange) {
  const Bytes raw = EncodeMapLeaf(SampleLeaf());
  std::mt19937_64 generator(20'240'101);
  auto below = [&](uint64_t limit) { return generator() % limit; };
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes mutated = raw;
    for (uint64_t i = 1 + below(3); i > 0; --i) {
      // Half of the mutations meet the head and the tables.
      size_t at = below(2) == 0 ? below(520) : below(mutated.size());
      switch (below(4)) {
        case 0:
          mutated[at] ^= static_cast<uint8_t>(1 << below(8));
          break;
        case 1:
          mutated[at] = static_cast<uint8_t>(generator());
          break;
        case 2:
          at = std::min(at, mutated.size() - 4);
          StoreLe<uint32_t>(&mutated[at], below(2) == 0 ? UINT32_MAX : 0);
          break;
        default:
          if (below(10) == 0) mutated.resize(600 + below(2 * raw.size()));
          break;
      }
    }
    Result<MapLeaf> decoded = DecodeMapLeaf(mutated);
    if (!decoded.ok()) {
      ASSERT_TRUE(decoded.code() == Code::kDamaged || decoded.code() == Code::kUnsupported);
      continue;
    }
    ++accepted;
    ASSERT_NO_FATAL_FAILURE(ExpectIndexesInRange(*decoded));
    ASSERT_EQ(EncodeMapLeaf(*decoded), mutated);
  }
  // Changed fingerprints are no business of the decoder: both outcomes must have been met.
  EXPECT_GT(accepted, 1000);
  EXPECT_LT(accepted, 19'000);
}

}  // namespace
}  // namespace pgcairn::repository
