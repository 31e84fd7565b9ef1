#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "repository/map/leaf_reader.h"
#include "repository/map/unit_writer.h"
#include "repository/pack/blob_reader.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

// One leaf, written again and again as its stream changes.
class RewrittenLeafTest : public ::testing::Test {
 protected:
  struct Pass {
    bool unchanged = false;
    bool patch = false;
    UnitCounts counts;
    std::vector<StoredPack> packs;
    std::vector<PackBytes> uses;
  };

  // Compares with the last leaf as a backup does; `keep` names units that are not read at all.
  Pass Write(const Bytes& stream, CompactionBudget* budget = nullptr,
             const std::set<size_t>& keep = {}) {
    Pass pass;
    PackUploader uploader(*cluster_.storage, cluster_.access->names, 1, 2);
    MetadataWriter metadata(*cluster_.access, uploader);
    std::optional<StoredLeaf> stored;
    UnitWriter writer(*cluster_.access, uploader, metadata, 1, budget,
                      [&](uint32_t, const StoredLeaf& leaf) { stored = leaf; });
    writer.BeginLeaf(0, known_.get());
    for (size_t unit = 0; unit * kUnitBytes < stream.size();) {
      if (keep.contains(unit)) {
        writer.Keep({known_.get(), static_cast<uint32_t>(unit++)});
        continue;
      }
      unit += ReadSome(writer, stream, unit, keep);
    }
    CHECK(writer.EndLeaf().ok() && writer.Flush().ok());
    std::vector<PackReference> packs = metadata.Finish().value();
    CHECK(uploader.Finish().ok() && stored);
    pass.unchanged = stored->unchanged;
    pass.patch = stored->base_pack.has_value();
    pass.counts = writer.counts();
    pass.packs = uploader.Stored();
    pass.uses = stored->uses;
    if (!stored->unchanged) Load(packs.at(stored->blob.pack), stored->blob);
    Compare(stream);
    return pass;
  }

  void SetVerdicts(PackVerdict verdict, const std::set<crypto::Sha256Digest>& packs) {
    for (size_t i = 0; i < known_->verdicts.size(); ++i) {
      const bool meant = packs.empty() || packs.contains(known_->leaf.packs[i].sha256);
      known_->verdicts[i] = meant ? verdict : PackVerdict::kUsable;
    }
    known_->reusable = std::ranges::count(known_->verdicts, PackVerdict::kLost) == 0;
  }

  std::set<crypto::Sha256Digest> DataPacks() const {
    std::set<crypto::Sha256Digest> packs;
    for (const PackReference& pack : known_->leaf.packs) packs.insert(pack.sha256);
    return packs;
  }

  // For each pack of the leaf.
  PacksToEmpty Spending(uint64_t bytes_max) const {
    PacksToEmpty packs;
    for (const crypto::Sha256Digest& pack : DataPacks()) packs.packs.push_back({pack, bytes_max});
    return packs;
  }
  PacksToEmpty Unlimited() const { return Spending(uint64_t{1} << 40); }

  MemoryCluster cluster_ = MakeMemoryCluster();
  std::unique_ptr<KnownLeaf> known_;

 private:
  size_t ReadSome(UnitWriter& writer, const Bytes& stream, size_t unit,
                  const std::set<size_t>& keep) {
    size_t units = 0;
    std::vector<KnownUnit> known;
    std::span<uint8_t> room = writer.Room();
    size_t bytes = 0;
    while ((unit + units) * kUnitBytes < stream.size() && bytes + kUnitBytes <= room.size() &&
           !keep.contains(unit + units)) {
      const size_t at = (unit + units) * kUnitBytes;
      ByteView page =
          ByteView(stream).subspan(at, std::min<size_t>(kUnitBytes, stream.size() - at));
      std::ranges::copy(page, room.begin() + static_cast<ptrdiff_t>(bytes));
      const bool same = known_ && unit + units < known_->leaf.units.size() &&
                        known_->leaf.units[unit + units].fingerprint == fingerprint_.Of(page);
      known.push_back(same ? KnownUnit{known_.get(), static_cast<uint32_t>(unit + units)}
                           : KnownUnit());
      bytes += page.size();
      ++units;
    }
    CHECK(writer.Commit(bytes, known).ok());
    return units;
  }

  void Load(const PackReference& pack, const TableBlob& at) {
    BlobReader reader(*cluster_.access);
    known_ = std::make_unique<KnownLeaf>();
    known_->pack = pack;
    known_->at = at;
    known_->at.pack = 0;
    known_->leaf = ReadLeaf(reader, pack, at).value();
    known_->verdicts.resize(known_->leaf.packs.size(), PackVerdict::kUsable);
  }

  void Compare(const Bytes& stream) const {
    BlobReader reader(*cluster_.access);
    const MapLeaf& leaf = known_->leaf;
    ASSERT_EQ(leaf.units.size(), (stream.size() + kUnitBytes - 1) / kUnitBytes);
    std::vector<Bytes> blobs;
    for (const TableBlob& blob : leaf.blobs) {
      blobs.push_back(
          reader.Read(ObjectKind::kDataPack, leaf.packs.at(blob.pack), blob.location).value());
    }
    for (size_t i = 0; i < leaf.units.size(); ++i) {
      ByteView unit = ByteView(stream).subspan(i * kUnitBytes);
      unit = unit.first(std::min<size_t>(unit.size(), kUnitBytes));
      const UnitEntry& entry = leaf.units[i];
      ASSERT_EQ(entry.fingerprint, fingerprint_.Of(unit)) << i;
      if (entry.blob == kZeroUnit) {
        ASSERT_TRUE(std::ranges::all_of(unit, [](uint8_t byte) { return byte == 0; })) << i;
        continue;
      }
      ASSERT_LE(entry.place + unit.size(), blobs[entry.blob].size()) << i;
      ASSERT_TRUE(
          std::ranges::equal(unit, ByteView(blobs[entry.blob]).subspan(entry.place, unit.size())))
          << i;
    }
  }

  crypto::PageFingerprint fingerprint_{cluster_.access->keys.fingerprint_secret()};
};

void Rewrite(Bytes& stream, size_t unit, uint64_t seed) {
  Bytes page = RandomContent(kUnitBytes, seed);
  std::ranges::copy(page, stream.begin() + static_cast<ptrdiff_t>(unit * kUnitBytes));
}

TEST_F(RewrittenLeafTest, WhatIsKnownIsStoredNowhereAgain) {
  Bytes stream = RandomContent(500 * kUnitBytes + 100, 1);
  std::fill_n(stream.begin(), 3 * kUnitBytes, uint8_t{0});
  Pass first = Write(stream);
  EXPECT_FALSE(first.unchanged || first.patch);
  EXPECT_EQ(first.counts.changed, 501u);
  EXPECT_EQ(first.counts.stored, 498u);
  Pass second = Write(stream);
  EXPECT_TRUE(second.unchanged);
  EXPECT_TRUE(second.packs.empty());
  EXPECT_EQ(second.counts.read, 501u);
  EXPECT_EQ(second.counts.read_bytes, stream.size());
  EXPECT_EQ(second.counts.changed, 0u);
  EXPECT_EQ(second.counts.stored_bytes, 0u);
}

TEST_F(RewrittenLeafTest, OneChangedUnitIsAPatchAndOneSmallBlob) {
  Bytes stream = RandomContent(500 * kUnitBytes, 1);
  (void)Write(stream);
  Rewrite(stream, 400, 2);
  Pass pass = Write(stream);
  EXPECT_TRUE(pass.patch);
  EXPECT_EQ(pass.counts.changed, 1u);
  EXPECT_EQ(pass.counts.stored, 1u);
  EXPECT_LT(pass.counts.stored_bytes, kUnitBytes + 200);
  EXPECT_EQ(known_->leaf.patched, std::vector<uint16_t>{400});
}

TEST_F(RewrittenLeafTest, UnitsThatAreNotReadAreAsTheyWere) {
  Bytes stream = RandomContent(500 * kUnitBytes + 9, 1);
  (void)Write(stream);
  Rewrite(stream, 0, 2);
  std::set<size_t> keep;
  for (size_t i = 1; i < 501; ++i) keep.insert(i);
  Pass pass = Write(stream, nullptr, keep);
  EXPECT_EQ(pass.counts.read, 1u);
  EXPECT_EQ(pass.counts.written, 501u);
  EXPECT_TRUE(pass.patch);
}

TEST_F(RewrittenLeafTest, UnitsOfLostPacksAreStoredAgain) {
  Bytes stream = RandomContent(500 * kUnitBytes, 1);
  std::fill_n(stream.begin(), 3 * kUnitBytes, uint8_t{0});
  (void)Write(stream);
  const std::set<crypto::Sha256Digest> lost = DataPacks();
  Rewrite(stream, 5, 2);
  (void)Write(stream);
  SetVerdicts(PackVerdict::kLost, lost);
  Pass pass = Write(stream);
  EXPECT_FALSE(pass.unchanged || pass.patch);
  EXPECT_EQ(pass.counts.changed, 496u) << "all but zeros and the one that came later";
  for (const crypto::Sha256Digest& pack : DataPacks()) EXPECT_FALSE(lost.contains(pack));
  for (const PackBytes& use : pass.uses) EXPECT_FALSE(lost.contains(use.pack.sha256));
}

TEST_F(RewrittenLeafTest, PacksAreEmptiedIntoPacksOfTheirOwn) {
  Bytes stream = RandomContent(500 * kUnitBytes, 1);
  std::fill_n(stream.begin(), 3 * kUnitBytes, uint8_t{0});
  (void)Write(stream);
  const std::set<crypto::Sha256Digest> old = DataPacks();
  SetVerdicts(PackVerdict::kToEmpty, {});
  CompactionBudget budget(Unlimited());
  Rewrite(stream, 5, 2);
  Pass pass = Write(stream, &budget);
  EXPECT_EQ(pass.counts.changed, 1u);
  EXPECT_EQ(pass.counts.compacted, 496u);
  EXPECT_GT(pass.counts.compacted_bytes, 496u * kUnitBytes);
  EXPECT_LT(pass.counts.stored_bytes, kUnitBytes + 200);
  std::set<crypto::Sha256Digest> packs = DataPacks();
  EXPECT_EQ(packs.size(), 2u) << "changed and compacted units apart";
  for (const crypto::Sha256Digest& pack : packs) EXPECT_FALSE(old.contains(pack));
  uint64_t use_of_changed = UINT64_MAX;
  for (const PackBytes& use : pass.uses) {
    use_of_changed = std::min<uint64_t>(use_of_changed, use.bytes);
  }
  EXPECT_EQ(use_of_changed, pass.counts.stored_bytes);
}

TEST_F(RewrittenLeafTest, WithoutABudgetOrWhenItIsSpentPacksStayAsTheyAre) {
  Bytes stream = RandomContent(500 * kUnitBytes, 1);
  (void)Write(stream);
  const std::set<crypto::Sha256Digest> old = DataPacks();
  SetVerdicts(PackVerdict::kToEmpty, {});
  EXPECT_TRUE(Write(stream).unchanged);
  CompactionBudget none(Spending(0));
  EXPECT_TRUE(Write(stream, &none).unchanged);
  ASSERT_EQ(old.size(), 1u);
  CompactionBudget some(Spending(10 * (kUnitBytes + 100)));
  Pass pass = Write(stream, &some);
  EXPECT_EQ(pass.counts.compacted, 10u);
  EXPECT_TRUE(some.IsSpent() || !some.Take(*old.begin(), kUnitBytes));
  EXPECT_TRUE(pass.patch);
}

TEST_F(RewrittenLeafTest, ChangedUnitsOfExactlyAFullBlobAreOneBlob) {
  Bytes stream = RandomContent(500 * kUnitBytes, 1);
  (void)Write(stream);
  for (size_t count : {127u, 128u, 129u, 256u}) {
    Bytes changed = stream;
    // With holes in between, so that units move.
    for (size_t i = 0; i < count; ++i) Rewrite(changed, i < 200 ? 2 * i : 400 + i - 200, i + 1000);
    const size_t had = known_->leaf.blobs.size();
    Pass pass = Write(changed);
    EXPECT_EQ(pass.counts.changed, count);
    EXPECT_GE(known_->leaf.blobs.size() + 4, had + (count + 127) / 128);
    (void)Write(stream);
  }
}

TEST_F(RewrittenLeafTest, AShortLastUnitIsKnownByItsLengthToo) {
  Bytes stream = RandomContent(3 * kUnitBytes + 100, 1);
  (void)Write(stream);
  EXPECT_TRUE(Write(stream).unchanged);
  stream.push_back(0);
  EXPECT_EQ(Write(stream).counts.changed, 1u);
  stream.resize(3 * kUnitBytes + 50);
  EXPECT_EQ(Write(stream).counts.changed, 1u);
  stream.resize(3 * kUnitBytes);
  EXPECT_EQ(Write(stream).counts.changed, 0u);
  EXPECT_TRUE(Write(stream).unchanged);
}

TEST_F(RewrittenLeafTest, AnySequenceOfChangesComesBack) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    std::mt19937_64 generator(seed);
    auto below = [&](uint64_t limit) { return generator() % limit; };
    known_.reset();
    Bytes stream = RandomContent(1 + below(300 * kUnitBytes), seed);
    (void)Write(stream);
    for (int round = 0; round < 15; ++round) {
      std::set<size_t> touched;
      if (below(3) == 0) {
        const size_t had = stream.size();
        stream.resize(1 + below(400 * kUnitBytes));
        touched.insert((std::min(had, stream.size()) - 1) / kUnitBytes);
        for (size_t at = had; at < stream.size(); ++at) stream[at] = uint8_t(at * 7 % 251);
        for (size_t at = had / kUnitBytes; at * kUnitBytes < stream.size(); ++at) {
          touched.insert(at);
        }
      }
      for (uint64_t i = below(below(3) == 0 ? 300 : 10); i > 0; --i) {
        const size_t at = below(stream.size());
        const size_t length = std::min<size_t>(stream.size() - at, 1 + below(3 * kUnitBytes));
        const bool zero = below(4) == 0;
        const Bytes bytes = zero ? Bytes(length) : RandomContent(length, generator());
        std::ranges::copy(bytes, stream.begin() + static_cast<ptrdiff_t>(at));
        for (size_t u = at / kUnitBytes; u * kUnitBytes < at + length; ++u) touched.insert(u);
      }
      std::set<size_t> keep;
      for (size_t u = 0; u * kUnitBytes < stream.size(); ++u) {
        if (!touched.contains(u) && u < known_->leaf.units.size() && below(3) == 0) keep.insert(u);
      }
      std::optional<CompactionBudget> budget;
      if (below(2) == 0) {
        budget.emplace(below(2) == 0 ? Spending(below(1 << 20)) : Unlimited());
      }
      for (PackVerdict& verdict : known_->verdicts) {
        const uint64_t draw = below(6);
        verdict = draw == 0  ? PackVerdict::kLost
                  : draw < 3 ? PackVerdict::kToEmpty
                             : PackVerdict::kUsable;
      }
      known_->reusable = std::ranges::count(known_->verdicts, PackVerdict::kLost) == 0;
      // Units of lost packs are always read.
      std::erase_if(keep, [&](size_t u) {
        return known_->VerdictOf(known_->leaf.units[u]) == PackVerdict::kLost;
      });
      (void)Write(stream, budget ? &*budget : nullptr, keep);
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " round " << round;
    }
  }
}

}  // namespace
}  // namespace pgcairn::repository
