#include "repository/map/leaf_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "repository/map/map_patch.h"

namespace pgcairn::repository {
namespace {

using Closed = std::vector<std::optional<PackReference>>;

constexpr uint32_t kStoredBlobBytes = 1000;

PackReference SeededPack(uint8_t seed) {
  PackReference pack;
  pack.sha256.bytes.fill(seed);
  pack.length = 16'000'000;
  return pack;
}

// Where a unit is stored, whatever the tables look like.
struct UnitPlace {
  std::optional<crypto::Sha256Digest> pack;
  uint32_t offset = 0;
  uint32_t place = 0;
  uint64_t fingerprint = 0;
  friend bool operator==(const UnitPlace&, const UnitPlace&) = default;
};

UnitPlace PlaceIn(const MapLeaf& leaf, size_t i) {
  const UnitEntry& unit = leaf.units.at(i);
  if (unit.blob == kZeroUnit) return {std::nullopt, 0, 0, unit.fingerprint};
  const TableBlob& blob = leaf.blobs.at(unit.blob);
  return {leaf.packs.at(blob.pack).sha256, blob.location.offset, unit.place, unit.fingerprint};
}

// Blobs of ten units, two in each pack; each thirteenth unit is zeros. `seed` sets packs apart.
KnownLeaf Known(size_t units, uint8_t seed) {
  KnownLeaf known;
  known.pack = SeededPack(static_cast<uint8_t>(seed + 200));
  known.at = {0, {700, 800, 900, 1, 1}, static_cast<uint16_t>(units)};
  for (uint32_t i = 0; i < units; ++i) {
    const uint32_t blob = i / 10;
    if (blob == known.leaf.blobs.size()) {
      if (blob / 2 == known.leaf.packs.size()) {
        known.leaf.packs.push_back(SeededPack(static_cast<uint8_t>(seed + blob / 2)));
      }
      known.leaf.blobs.push_back(
          {blob / 2, {2000 * blob + 500, kStoredBlobBytes, 10 * kUnitBytes, blob, 1}, 0});
    }
    const bool zero = i % 13 == 12;
    known.leaf.units.push_back({zero ? kZeroUnit : static_cast<uint16_t>(blob),
                                zero ? 0 : i % 10 * kUnitBytes, seed * 10'000 + i});
  }
  known.verdicts.resize(known.leaf.packs.size(), PackVerdict::kUsable);
  return known;
}

// A builder and, beside it, what it should come to.
class Building {
 public:
  // `seed` names the pack that new units lie in.
  explicit Building(const KnownLeaf* aligned, uint8_t seed = 99)
      : builder_(3, aligned), own_(SeededPack(seed)), closed_{own_} {}

  void Keep(const KnownLeaf& leaf, uint32_t entry) {
    builder_.Keep({&leaf, entry});
    expected_.push_back(PlaceIn(leaf.leaf, entry));
  }
  void KeepAll(const KnownLeaf& leaf, uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; ++i) Keep(leaf, i);
  }
  void Store() {
    if (stored_ % 10 == 0) blobs_.push_back(builder_.ReserveBlob());
    const uint32_t place = stored_++ % 10 * kUnitBytes;
    builder_.AddStored(blobs_.back(), place, ++fingerprint_);
    expected_.push_back({own_.sha256, OffsetOf(blobs_.size() - 1), place, fingerprint_});
  }
  void StoreZero() {
    builder_.AddZero(++fingerprint_);
    expected_.push_back({std::nullopt, 0, 0, fingerprint_});
  }
  void Close() {
    for (size_t i = 0; i < blobs_.size(); ++i) {
      const auto units = static_cast<uint32_t>(std::min<size_t>(10, stored_ - 10 * i));
      builder_.SetBlob(blobs_[i], 0, {OffsetOf(i), 100 * units, units * kUnitBytes, 1, 1});
    }
    builder_.Close();
  }

  // The whole leaf that was encoded, put together with `base` where it is a patch.
  MapLeaf Result(const MapLeaf& base) const {
    const Bytes raw = builder_.Encode(closed_);
    if (!IsMapPatch(raw)) return DecodeMapLeaf(raw).value();
    return ApplyPatch(base, DecodeMapPatch(raw).value()).value();
  }
  bool IsPatch() const { return IsMapPatch(builder_.Encode(closed_)); }

  void ExpectRight(const MapLeaf& base) const {
    const MapLeaf leaf = Result(base);
    ASSERT_EQ(leaf.units.size(), expected_.size());
    ASSERT_EQ(builder_.unit_count(), expected_.size());
    for (size_t i = 0; i < expected_.size(); ++i) ASSERT_EQ(PlaceIn(leaf, i), expected_[i]) << i;
    ExpectUses(leaf);
  }

  // Each pack that units need, once; and of each blob the share that they need.
  void ExpectUses(const MapLeaf& leaf) const {
    // By pack and offset, for the tables of a leaf may name a blob twice.
    std::map<std::pair<crypto::Sha256Digest, uint32_t>, uint32_t> raw_bytes;
    std::map<std::pair<crypto::Sha256Digest, uint32_t>, BlobLocation> blobs;
    for (const UnitEntry& unit : leaf.units) {
      if (unit.blob == kZeroUnit) continue;
      const TableBlob& blob = leaf.blobs[unit.blob];
      const std::pair key(leaf.packs[blob.pack].sha256, blob.location.offset);
      raw_bytes[key] = std::min(raw_bytes[key] + kUnitBytes, blob.location.raw_length);
      blobs[key] = blob.location;
    }
    std::map<crypto::Sha256Digest, uint64_t> needed;
    for (const auto& [key, bytes] : raw_bytes) {
      needed[key.first] += uint64_t{blobs[key].stored_length} * bytes / blobs[key].raw_length;
    }
    std::map<crypto::Sha256Digest, uint64_t> uses;
    for (const PackBytes& use : builder_.Uses(closed_)) {
      EXPECT_TRUE(uses.try_emplace(use.pack.sha256, use.bytes).second) << "a pack named twice";
      EXPECT_EQ(use.pack.length, 16'000'000u);
    }
    EXPECT_EQ(uses, needed);
  }

  LeafBuilder& builder() { return builder_; }

  const Closed& closed() const { return closed_; }

 private:
  static uint32_t OffsetOf(size_t blob) { return static_cast<uint32_t>(500 + 1000 * blob); }

  LeafBuilder builder_;
  PackReference own_;
  Closed closed_;
  std::vector<UnitPlace> expected_;
  // Of ten units each, 100 stored bytes a unit.
  std::vector<uint16_t> blobs_;
  uint32_t stored_ = 0;
  uint64_t fingerprint_ = 1'000'000'000;
};

TEST(LeafBuilder, ALeafThatIsAsTheAlignedOneIsUnchanged) {
  const KnownLeaf known = Known(100, 0);
  Building building(&known);
  building.KeepAll(known, 0, 100);
  building.Close();
  EXPECT_TRUE(building.builder().unchanged());
  EXPECT_EQ(building.builder().number(), 3u);
}

TEST(LeafBuilder, OneThatCannotBeReferredToIsWrittenAgain) {
  KnownLeaf known = Known(100, 0);
  known.reusable = false;
  Building building(&known);
  building.KeepAll(known, 0, 100);
  building.Close();
  ASSERT_FALSE(building.builder().unchanged());
  EXPECT_FALSE(building.IsPatch());
  EXPECT_FALSE(building.builder().base_pack());
  ASSERT_NO_FATAL_FAILURE(building.ExpectRight({}));
}

TEST(LeafBuilder, APatchStatesAtMostOneUnitInEight) {
  const KnownLeaf known = Known(80, 0);
  for (uint32_t changed : {1u, 10u, 11u}) {
    Building building(&known);
    for (uint32_t i = 0; i < changed; ++i) building.Store();
    building.KeepAll(known, changed, 80);
    building.Close();
    ASSERT_FALSE(building.builder().unchanged());
    EXPECT_EQ(building.IsPatch(), changed <= 10) << changed;
    EXPECT_EQ(building.builder().base_pack(),
              changed <= 10 ? std::optional(known.pack) : std::nullopt);
    ASSERT_NO_FATAL_FAILURE(building.ExpectRight(known.leaf)) << changed;
  }
}

TEST(LeafBuilder, WhatBecameZerosIsAChangeToo) {
  const KnownLeaf known = Known(80, 0);
  Building building(&known);
  building.KeepAll(known, 0, 40);
  building.StoreZero();
  building.KeepAll(known, 41, 80);
  building.Close();
  ASSERT_TRUE(building.IsPatch());
  ASSERT_NO_FATAL_FAILURE(building.ExpectRight(known.leaf));
}

TEST(LeafBuilder, AUnitAtAnotherPlaceIsAChange) {
  const KnownLeaf known = Known(80, 0);
  Building building(&known);
  building.KeepAll(known, 0, 40);
  building.Keep(known, 41);
  building.KeepAll(known, 41, 80);
  building.Close();
  ASSERT_FALSE(building.builder().unchanged());
  EXPECT_TRUE(building.IsPatch());
  ASSERT_NO_FATAL_FAILURE(building.ExpectRight(known.leaf));
}

TEST(LeafBuilder, WithoutAnAlignedLeafAllIsWhole) {
  const KnownLeaf known = Known(80, 0);
  Building building(nullptr);
  building.KeepAll(known, 0, 80);
  building.Close();
  ASSERT_FALSE(building.builder().unchanged());
  EXPECT_FALSE(building.IsPatch());
  ASSERT_NO_FATAL_FAILURE(building.ExpectRight({}));
}

// As it is read from what `building` encodes.
KnownLeaf Again(const Building& building, const MapLeaf& base, uint8_t seed) {
  KnownLeaf known;
  known.pack = SeededPack(static_cast<uint8_t>(seed + 200));
  known.leaf = building.Result(base);
  known.at = {0, {700, 800, 900, 1, 1}, static_cast<uint16_t>(known.leaf.units.size())};
  known.verdicts.resize(known.leaf.packs.size(), PackVerdict::kUsable);
  return known;
}

TEST(LeafBuilder, APatchOfAPatchedLeafGoesOntoTheBase) {
  const KnownLeaf base = Known(80, 0);
  Building first(&base);
  first.KeepAll(base, 0, 20);
  first.Store();
  first.KeepAll(base, 21, 80);
  first.Close();
  const KnownLeaf patched = Again(first, base.leaf, 7);
  ASSERT_TRUE(patched.leaf.base);

  Building second(&patched, 98);
  second.KeepAll(patched, 0, 50);
  second.Store();
  second.KeepAll(patched, 51, 80);
  second.Close();
  ASSERT_TRUE(second.IsPatch());
  EXPECT_EQ(second.builder().base_pack(), base.pack);
  const MapPatch patch = DecodeMapPatch(second.builder().Encode(second.closed())).value();
  EXPECT_EQ(patch.base.pack, base.pack);
  EXPECT_EQ(patch.base.blob.location.offset, base.at.location.offset);
  EXPECT_EQ(patch.base.blob.units, 80);
  EXPECT_EQ(patch.places, (std::vector<uint16_t>{20, 50})) << "what the first one stated too";
  ASSERT_NO_FATAL_FAILURE(second.ExpectRight(base.leaf));

  Building same(&patched);
  same.KeepAll(patched, 0, 80);
  same.Close();
  EXPECT_TRUE(same.builder().unchanged());
}

TEST(LeafBuilder, PatchesThatGrowTooLargeEndInAWholeLeaf) {
  const KnownLeaf base = Known(80, 0);
  KnownLeaf last = base;
  for (uint32_t round = 0; round < 12; ++round) {
    Building next(&last, static_cast<uint8_t>(100 + round));
    next.KeepAll(last, 0, 3 * round);
    next.Store();
    next.KeepAll(last, 3 * round + 1, 80);
    next.Close();
    EXPECT_EQ(next.IsPatch(), round < 10 || round == 11) << round;
    const MapLeaf& on = round == 11 ? last.leaf : base.leaf;
    ASSERT_NO_FATAL_FAILURE(next.ExpectRight(on)) << round;
    last = Again(next, on, static_cast<uint8_t>(round + 1));
  }
}

TEST(LeafBuilder, AGrownLeafStatesItsNewUnits) {
  const KnownLeaf known = Known(80, 0);
  Building few(&known);
  few.KeepAll(known, 0, 80);
  few.Store();
  few.StoreZero();
  few.Close();
  ASSERT_TRUE(few.IsPatch());
  ASSERT_NO_FATAL_FAILURE(few.ExpectRight(known.leaf));
  Building many(&known);
  many.KeepAll(known, 0, 80);
  for (int i = 0; i < 20; ++i) many.Store();
  many.Close();
  EXPECT_FALSE(many.IsPatch());
  ASSERT_NO_FATAL_FAILURE(many.ExpectRight(known.leaf));
}

TEST(LeafBuilder, AShrunkLeafForgetsWhatWasPatchedPastItsEnd) {
  const KnownLeaf base = Known(80, 0);
  Building first(&base);
  first.Store();
  first.KeepAll(base, 1, 79);
  first.Store();
  first.Close();
  const KnownLeaf patched = Again(first, base.leaf, 7);
  Building shorter(&patched, 98);
  shorter.KeepAll(patched, 0, 40);
  shorter.Close();
  ASSERT_FALSE(shorter.builder().unchanged());
  ASSERT_TRUE(shorter.IsPatch());
  ASSERT_NO_FATAL_FAILURE(shorter.ExpectRight(base.leaf));
  EXPECT_EQ(DecodeMapPatch(shorter.builder().Encode(shorter.closed()))->places,
            (std::vector<uint16_t>{0}));
  // It grows again: the base's own units from there on are not its.
  const KnownLeaf short_leaf = Again(shorter, base.leaf, 9);
  Building longer(&short_leaf, 97);
  longer.KeepAll(short_leaf, 0, 40);
  longer.StoreZero();
  longer.Store();
  longer.Close();
  ASSERT_TRUE(longer.IsPatch());
  ASSERT_NO_FATAL_FAILURE(longer.ExpectRight(base.leaf));
}

TEST(LeafBuilder, OneThatOnlyShrankIsWholeForAPatchStatesAtLeastOneUnit) {
  const KnownLeaf known = Known(80, 0);
  Building building(&known);
  building.KeepAll(known, 0, 79);
  building.Close();
  ASSERT_FALSE(building.builder().unchanged());
  EXPECT_FALSE(building.IsPatch());
  ASSERT_NO_FATAL_FAILURE(building.ExpectRight(known.leaf));
}

TEST(LeafBuilder, UnitsOfTwoKnownLeavesMayNameTheSamePack) {
  const KnownLeaf one = Known(80, 0);
  const KnownLeaf two = Known(60, 1);  // its packs 1 and 2 are those of the first one
  Building building(&one);
  building.KeepAll(two, 0, 30);
  building.KeepAll(one, 30, 80);
  building.KeepAll(two, 30, 60);
  building.Store();
  building.Close();
  ASSERT_NO_FATAL_FAILURE(building.ExpectRight(one.leaf));
}

TEST(LeafBuilder, APackOfWhichLittleIsNeededIsStillNamed) {
  KnownLeaf known = Known(80, 0);
  known.leaf.blobs[2].location.stored_length = 17;
  known.leaf.blobs[2].location.raw_length = kDataBlobRawBytesMax;
  Building building(nullptr);
  building.Keep(known, 20);
  building.Close();
  const std::vector<PackBytes> uses = building.builder().Uses(building.closed());
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].bytes, 1u);
}

TEST(LeafBuilder, AShortUnitAtTheEndOfItsBlobCountsByItsBytes) {
  KnownLeaf known = Known(10, 0);
  known.leaf.blobs[0].location.raw_length = 9 * kUnitBytes + 2048;
  known.leaf.blobs[0].location.stored_length = 37 * 2048;
  Building building(nullptr);
  building.Keep(known, 9);
  building.Close();
  EXPECT_EQ(building.builder().Uses(building.closed()).at(0).bytes, 2048u);
}

TEST(LeafBuilder, ItIsReadyWhenEveryPackHasAName) {
  const KnownLeaf known = Known(80, 0);
  Building kept(nullptr);
  kept.KeepAll(known, 0, 80);
  kept.Close();
  EXPECT_TRUE(kept.builder().IsReady({}));
  LeafBuilder builder(0, nullptr);
  const uint16_t first = builder.ReserveBlob();
  const uint16_t second = builder.ReserveBlob();
  builder.AddStored(first, 0, 1);
  builder.AddStored(second, 0, 2);
  builder.SetBlob(first, 0, {500, 100, kUnitBytes, 0, 1});
  builder.SetBlob(second, 2, {500, 100, kUnitBytes, 0, 1});
  builder.Close();
  EXPECT_FALSE(builder.IsReady({}));
  EXPECT_FALSE(builder.IsReady({SeededPack(1), SeededPack(2)}));
  EXPECT_FALSE(builder.IsReady({SeededPack(1), std::nullopt, std::nullopt}));
  EXPECT_FALSE(builder.IsReady({std::nullopt, std::nullopt, SeededPack(3)}));
  EXPECT_TRUE(builder.IsReady({SeededPack(1), std::nullopt, SeededPack(3)}));
  const MapLeaf leaf =
      DecodeMapLeaf(builder.Encode({SeededPack(1), std::nullopt, SeededPack(3)})).value();
  EXPECT_EQ(PlaceIn(leaf, 0).pack, SeededPack(1).sha256);
  EXPECT_EQ(PlaceIn(leaf, 1).pack, SeededPack(3).sha256);
}

TEST(LeafBuilder, AnySequenceOfLeavesComesToWhatWasAsked) {
  std::mt19937_64 generator(11);
  auto below = [&](uint64_t limit) { return static_cast<uint32_t>(generator() % limit); };
  for (int walk = 0; walk < 40; ++walk) {
    KnownLeaf last = Known(1 + below(200), 0);
    MapLeaf base = last.leaf;
    for (uint8_t round = 0; round < 12; ++round) {
      const auto had = static_cast<uint32_t>(last.leaf.units.size());
      const uint32_t units = below(3) == 0 ? 1 + below(220) : had;
      const uint32_t share = 1 + below(40);
      const uint32_t shift = below(8) == 0 ? below(3) : 0;
      Building next(&last, static_cast<uint8_t>(100 + round));
      for (uint32_t i = 0; i < units; ++i) {
        if (i + shift < had && below(share) != 0) {
          next.Keep(last, i + shift);
        } else if (below(4) == 0) {
          next.StoreZero();
        } else {
          next.Store();
        }
      }
      next.Close();
      if (next.builder().unchanged()) continue;
      ASSERT_NO_FATAL_FAILURE(next.ExpectRight(base)) << walk << " " << int(round);
      const bool is_patch = next.IsPatch();
      last = Again(next, base, static_cast<uint8_t>(round + 1));
      if (!is_patch) base = last.leaf;
    }
  }
}

}  // namespace
}  // namespace pgcairn::repository
