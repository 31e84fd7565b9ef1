#include "repository/map/map_patch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace pgcairn::repository {
namespace {

PackReference PatchPack(uint8_t seed) {
  PackReference pack;
  pack.sha256.bytes.fill(seed);
  pack.length = 1'000'000;
  pack.key_id.bytes.fill(7);
  pack.salt.bytes.fill(static_cast<uint8_t>(seed + 1));
  return pack;
}

TableBlob BlobOf(uint32_t pack, uint32_t ordinal) {
  return {pack, {1000 * ordinal + 200, 900, 20 * kUnitBytes, ordinal, 1}, 0};
}

// Three packs, ten blobs, 120 units of which every seventh is zeros.
MapLeaf Base() {
  MapLeaf leaf;
  for (uint8_t i = 0; i < 3; ++i) leaf.packs.push_back(PatchPack(i));
  for (uint32_t i = 0; i < 10; ++i) leaf.blobs.push_back(BlobOf(i % 3, i));
  for (uint32_t i = 0; i < 120; ++i) {
    bool zero = i % 7 == 0;
    leaf.units.push_back({zero ? kZeroUnit : static_cast<uint16_t>(i % 10),
                          zero ? 0 : (i % 20) * kUnitBytes, i * 0x9e3779b97f4a7c15u});
  }
  return leaf;
}

MapPatch SamplePatch() {
  MapPatch patch;
  patch.base = {PatchPack(50), {0, {5000, 2000, 2400, 3, 1}, 120}};
  patch.units = 122;
  patch.packs = {PatchPack(60), PatchPack(61)};
  patch.blobs = {BlobOf(0, 1), BlobOf(1, 2), BlobOf(0, 3)};
  patch.places = {0, 5, 63, 119, 120, 121};
  for (uint32_t i = 0; i < 6; ++i) {
    bool zero = i == 2;
    patch.entries.push_back(
        {zero ? kZeroUnit : static_cast<uint16_t>(i % 3), zero ? 0 : i * kUnitBytes, 1000u + i});
  }
  return patch;
}

// Where a unit is stored, whatever the tables look like.
struct PatchPlace {
  std::optional<PackReference> pack;
  uint32_t offset = 0;
  uint32_t place = 0;
  uint64_t fingerprint = 0;
  friend bool operator==(const PatchPlace&, const PatchPlace&) = default;
};

PatchPlace PlaceOf(const UnitEntry& unit, const std::vector<PackReference>& packs,
                   const std::vector<TableBlob>& blobs) {
  if (unit.blob == kZeroUnit) return {std::nullopt, 0, unit.place, unit.fingerprint};
  const TableBlob& blob = blobs.at(unit.blob);
  return {packs.at(blob.pack), blob.location.offset, unit.place, unit.fingerprint};
}

void ExpectApplied(const MapLeaf& base, const MapPatch& patch, const MapLeaf& leaf) {
  ASSERT_EQ(leaf.units.size(), patch.units);
  for (size_t i = 0; i < patch.units; ++i) {
    auto stated = std::ranges::find(patch.places, static_cast<uint16_t>(i));
    const PatchPlace expected =
        stated == patch.places.end()
            ? PlaceOf(base.units.at(i), base.packs, base.blobs)
            : PlaceOf(patch.entries[static_cast<size_t>(stated - patch.places.begin())],
                      patch.packs, patch.blobs);
    ASSERT_EQ(PlaceOf(leaf.units[i], leaf.packs, leaf.blobs), expected) << i;
  }
  std::set<uint32_t> blobs;
  std::set<uint32_t> packs;
  for (const UnitEntry& unit : leaf.units) {
    if (unit.blob != kZeroUnit) blobs.insert(unit.blob);
  }
  for (const TableBlob& blob : leaf.blobs) packs.insert(blob.pack);
  EXPECT_EQ(blobs.size(), leaf.blobs.size()) << "no blob that no unit needs";
  EXPECT_EQ(packs.size(), leaf.packs.size()) << "no pack that no unit needs";
  EXPECT_EQ(leaf.patched, patch.places);
  ASSERT_TRUE(leaf.base.has_value());
  EXPECT_EQ(leaf.base->pack, patch.base.pack);
  EXPECT_EQ(leaf.base->blob.location.offset, patch.base.blob.location.offset);
  EXPECT_EQ(leaf.base->blob.units, patch.base.blob.units);
}

TEST(MapPatch, ComesBackAsItWasWritten) {
  const MapPatch patch = SamplePatch();
  const Bytes raw = EncodeMapPatch(patch);
  EXPECT_EQ(raw.size(), 28 + 80 + 24 + 2 * 80 + 3 * 24 + 6 * 16u);
  EXPECT_EQ(AsText(ByteView(raw).first(4)), "PGML");
  EXPECT_TRUE(IsMapPatch(raw));
  Result<MapPatch> decoded = DecodeMapPatch(raw);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(decoded->units, patch.units);
  EXPECT_EQ(decoded->packs, patch.packs);
  EXPECT_EQ(decoded->places, patch.places);
  EXPECT_EQ(decoded->base.pack, patch.base.pack);
  EXPECT_EQ(decoded->base.blob.units, 120);
  ASSERT_EQ(decoded->entries.size(), patch.entries.size());
  for (size_t i = 0; i < patch.entries.size(); ++i) {
    EXPECT_EQ(decoded->entries[i].blob, patch.entries[i].blob);
    EXPECT_EQ(decoded->entries[i].place, patch.entries[i].place);
    EXPECT_EQ(decoded->entries[i].fingerprint, patch.entries[i].fingerprint);
  }
  EXPECT_EQ(EncodeMapPatch(*decoded), raw);
}

TEST(MapPatch, ALeafAndAPatchAreToldApart) {
  const Bytes leaf = EncodeMapLeaf(Base());
  EXPECT_FALSE(IsMapPatch(leaf));
  EXPECT_FALSE(IsMapPatch({}));
  EXPECT_FALSE(IsMapPatch(ByteView(leaf).first(6)));
  EXPECT_EQ(DecodeMapLeaf(EncodeMapPatch(SamplePatch())).code(), Code::kUnsupported);
  EXPECT_EQ(DecodeMapPatch(leaf).code(), Code::kUnsupported);
}

Code CodeAfter(auto change) {
  MapPatch patch = SamplePatch();
  change(patch);
  Result<MapPatch> decoded = DecodeMapPatch(EncodeMapPatch(patch));
  return decoded.ok() ? Code::kFailed : decoded.code();
}

TEST(MapPatch, EveryIndexAndPlaceOutOfRangeIsDamaged) {
  EXPECT_EQ(CodeAfter([](MapPatch&) {}), Code::kFailed);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.blobs[1].pack = 2; }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.entries[0].blob = 3; }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.entries[0].place = 20 * kUnitBytes; }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.blobs[0].location.offset = 999'200; }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.blobs[0].location.raw_length = 1 << 21; }),
            Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.packs[1].length = uint64_t{1} << 40; }), Code::kDamaged);
}

TEST(MapPatch, UnitsOutOfOrderOrPastTheEndAreDamaged) {
  EXPECT_EQ(CodeAfter([](MapPatch& p) { std::swap(p.places[1], p.places[2]); }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.places[2] = p.places[1]; }), Code::kDamaged);
  Bytes raw = EncodeMapPatch(SamplePatch());
  // The leaf that results gets one unit less than the last entry names.
  StoreLe<uint32_t>(&raw[12], 121);
  EXPECT_EQ(DecodeMapPatch(raw).code(), Code::kDamaged);
}

TEST(MapPatch, AnImpossibleBaseIsDamaged) {
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.base.blob.units = 0; }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.base.blob.units = 4097; }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.base.blob.location.offset = 998'001; }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.base.pack.length = uint64_t{1} << 40; }), Code::kDamaged);
  EXPECT_EQ(CodeAfter([](MapPatch& p) { p.base.blob.location.raw_length = 17 << 20; }),
            Code::kDamaged);
  Bytes raw = EncodeMapPatch(SamplePatch());
  raw[28 + 80] = 1;  // the index of the base's pack
  EXPECT_EQ(DecodeMapPatch(raw).code(), Code::kDamaged);
}

TEST(MapPatch, ImpossibleCountsAreDamaged) {
  const Bytes raw = EncodeMapPatch(SamplePatch());
  for (auto [at, value] : std::vector<std::pair<size_t, uint32_t>>{{12, 0},
                                                                   {12, 4097},
                                                                   {12, 5},
                                                                   {16, 3},
                                                                   {16, UINT32_MAX},
                                                                   {20, 65'535},
                                                                   {24, 0},
                                                                   {24, 7},
                                                                   {24, UINT32_MAX}}) {
    Bytes changed = raw;
    StoreLe<uint32_t>(&changed[at], value);
    EXPECT_EQ(DecodeMapPatch(changed).code(), Code::kDamaged) << at << " = " << value;
  }
}

TEST(MapPatch, AnotherVersionKindAlgorithmOrUnitSizeIsUnsupported) {
  const Bytes raw = EncodeMapPatch(SamplePatch());
  for (size_t at : {4u, 6u, 7u, 9u}) {
    Bytes changed = raw;
    changed[at] ^= 4;
    EXPECT_EQ(DecodeMapPatch(changed).code(), Code::kUnsupported) << at;
  }
}

TEST(MapPatch, EveryOtherLengthIsDamaged) {
  Bytes raw = EncodeMapPatch(SamplePatch());
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_EQ(DecodeMapPatch(ByteView(raw).first(size)).code(), Code::kDamaged) << size;
  }
  raw.push_back(0);
  EXPECT_EQ(DecodeMapPatch(raw).code(), Code::kDamaged);
}

TEST(MapPatch, ItsUnitsTakeThePlaceOfTheBases) {
  Result<MapLeaf> leaf = ApplyPatch(Base(), SamplePatch());
  ASSERT_TRUE(leaf.ok()) << leaf.error().message;
  ASSERT_NO_FATAL_FAILURE(ExpectApplied(Base(), SamplePatch(), *leaf));
  // The result is a leaf like any other.
  EXPECT_TRUE(DecodeMapLeaf(EncodeMapLeaf(*leaf)).ok());
}

TEST(MapPatch, AShorterLeafDropsTheRestOfItsBase) {
  MapPatch patch = SamplePatch();
  patch.units = 6;
  patch.places = {0, 5};
  patch.entries.resize(2);
  Result<MapLeaf> leaf = ApplyPatch(Base(), patch);
  ASSERT_TRUE(leaf.ok()) << leaf.error().message;
  ASSERT_NO_FATAL_FAILURE(ExpectApplied(Base(), patch, *leaf));
}

TEST(MapPatch, OnlyZerosNeedNoPack) {
  MapLeaf base;
  base.units.resize(2);
  MapPatch patch = SamplePatch();
  patch.base.blob.units = 2;
  patch.units = 3;
  patch.packs.clear();
  patch.blobs.clear();
  patch.places = {2};
  patch.entries = {{kZeroUnit, 0, 5}};
  Result<MapLeaf> leaf = ApplyPatch(base, patch);
  ASSERT_TRUE(leaf.ok()) << leaf.error().message;
  EXPECT_TRUE(leaf->packs.empty());
  EXPECT_EQ(leaf->units.size(), 3u);
}

TEST(MapPatch, AnotherBaseIsDamaged) {
  MapLeaf base = Base();
  base.units.pop_back();
  EXPECT_EQ(ApplyPatch(base, SamplePatch()).code(), Code::kDamaged);
}

TEST(MapPatch, AUnitThatNobodyStatesIsDamaged) {
  for (size_t missing : {4u, 5u}) {
    MapPatch patch = SamplePatch();
    patch.places.erase(patch.places.begin() + static_cast<ptrdiff_t>(missing));
    patch.entries.erase(patch.entries.begin() + static_cast<ptrdiff_t>(missing));
    EXPECT_EQ(ApplyPatch(Base(), patch).code(), Code::kDamaged) << missing;
  }
}

TEST(MapPatch, MoreBlobsThanALeafCanNameAreDamaged) {
  MapLeaf base = Base();
  base.blobs.resize(40'000, BlobOf(0, 1));
  MapPatch patch = SamplePatch();
  patch.blobs.resize(30'000, BlobOf(0, 1));
  EXPECT_EQ(ApplyPatch(base, patch).code(), Code::kDamaged);
}

TEST(MapPatch, AnyPatchOnAnyLeafGivesWhatItSays) {
  std::mt19937_64 generator(5);
  auto below = [&](uint64_t limit) { return generator() % limit; };
  for (int round = 0; round < 300; ++round) {
    MapLeaf base = Base();
    base.units.resize(1 + below(120));
    MapPatch patch = SamplePatch();
    patch.base.blob.units = static_cast<uint16_t>(base.units.size());
    patch.units = static_cast<uint32_t>(1 + below(150));
    patch.places.clear();
    patch.entries.clear();
    for (uint32_t i = 0; i < patch.units; ++i) {
      if (i < base.units.size() && below(4) != 0 && !(i + 1 == patch.units && patch.places.empty()))
        continue;
      const bool zero = below(5) == 0;
      patch.places.push_back(static_cast<uint16_t>(i));
      patch.entries.push_back({zero ? kZeroUnit : static_cast<uint16_t>(below(3)),
                               zero ? 0 : static_cast<uint32_t>(below(20) * kUnitBytes),
                               generator()});
    }
    Result<MapPatch> decoded = DecodeMapPatch(EncodeMapPatch(patch));
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    Result<MapLeaf> leaf = ApplyPatch(base, *decoded);
    ASSERT_TRUE(leaf.ok()) << leaf.error().message;
    ASSERT_NO_FATAL_FAILURE(ExpectApplied(base, patch, *leaf)) << round;
  }
}

void ExpectIndexesInRange(const MapPatch& patch) {
  ASSERT_GE(patch.units, 1u);
  ASSERT_LE(patch.units, kLeafUnitsMax);
  ASSERT_FALSE(patch.places.empty());
  ASSERT_EQ(patch.places.size(), patch.entries.size());
  ASSERT_TRUE(std::ranges::is_sorted(patch.places));
  ASSERT_EQ(std::set(patch.places.begin(), patch.places.end()).size(), patch.places.size());
  ASSERT_LT(patch.places.back(), patch.units);
  ASSERT_EQ(patch.base.blob.pack, 0u);
  ASSERT_GE(patch.base.blob.units, 1);
  ASSERT_LE(patch.base.blob.units, kLeafUnitsMax);
  for (const TableBlob& blob : patch.blobs) {
    ASSERT_LT(blob.pack, patch.packs.size());
    ASSERT_LE(uint64_t{blob.location.offset} + blob.location.stored_length,
              patch.packs[blob.pack].length);
    ASSERT_LE(blob.location.raw_length, kDataBlobRawBytesMax);
  }
  for (const UnitEntry& unit : patch.entries) {
    if (unit.blob == kZeroUnit) continue;
    ASSERT_LT(unit.blob, patch.blobs.size());
    ASSERT_LT(unit.place, patch.blobs[unit.blob].location.raw_length);
  }
}

TEST(MapPatch, NoMutationIsAcceptedWithAnIndexOutOfRange) {
  const Bytes raw = EncodeMapPatch(SamplePatch());
  std::mt19937_64 generator(20'240'102);
  auto below = [&](uint64_t limit) { return generator() % limit; };
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes mutated = raw;
    for (uint64_t i = 1 + below(3); i > 0; --i) {
      size_t at = below(mutated.size());
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
          if (below(10) == 0) mutated.resize(200 + below(2 * raw.size()));
          break;
      }
    }
    Result<MapPatch> decoded = DecodeMapPatch(mutated);
    if (!decoded.ok()) {
      ASSERT_TRUE(decoded.code() == Code::kDamaged || decoded.code() == Code::kUnsupported);
      continue;
    }
    ++accepted;
    ASSERT_NO_FATAL_FAILURE(ExpectIndexesInRange(*decoded));
    ASSERT_EQ(EncodeMapPatch(*decoded), mutated);
    Result<MapLeaf> leaf = ApplyPatch(Base(), *decoded);
    if (leaf.ok()) {
      ASSERT_NO_FATAL_FAILURE(ExpectApplied(Base(), *decoded, *leaf));
    } else {
      ASSERT_EQ(leaf.code(), Code::kDamaged);
    }
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_LT(accepted, 19'000);
}

}  // namespace
}  // namespace pgcairn::repository
