#include "commands/previous_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "repository/map/metadata_writer.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

using repository::kNoPack;
using repository::kUnitBytes;
using repository::PackReference;
using repository::PackUse;
using repository::PackVerdict;
using repository::StreamEntry;
using repository::StreamList;
using repository::StreamRoot;

crypto::Sha256Digest ContentDigestOf(uint8_t seed) {
  crypto::Sha256Digest digest;
  digest.bytes.fill(seed);
  return digest;
}

PackReference MetadataPack(uint8_t seed) {
  PackReference pack;
  pack.sha256 = ContentDigestOf(seed);
  pack.length = 1'000'000;
  return pack;
}

StreamEntry StreamOf(const std::string& path, uint64_t units, uint32_t leaf, uint16_t entry) {
  StreamEntry stream;
  stream.path = path;
  stream.size = units * kUnitBytes;
  stream.first_leaf = units == 0 ? repository::kNoLeaf : leaf;
  stream.first_entry = entry;
  stream.inode = units;
  return stream;
}

// Leaf 0, of 10 units, is shared by three small files and has 4 units that nobody uses; leaves 1
// and 2 hold a long one, and leaf 1 is a patch on a leaf in metadata pack 2.
StreamList SampleStreams() {
  StreamList list;
  list.packs = {MetadataPack(1), MetadataPack(2)};
  list.leaves = {{0, {200, 100, 900, 0, 1}, 10},
                 {0, {400, 100, 900, 1, 1}, 4096},
                 {0, {600, 100, 900, 2, 1}, 5}};
  list.data_packs = {{ContentDigestOf(101), 5000}, {ContentDigestOf(102), 6000}};
  list.needs = {{kNoPack, {{0, 1000}}}, {1, {{0, 2000}, {1, 3000}}}, {kNoPack, {{1, 500}}}};
  StreamEntry directory = StreamOf("base", 0, 0, 0);
  directory.kind = repository::StreamKind::kDirectory;
  list.streams = {directory,
                  StreamOf("base/1", 3, 0, 0),
                  StreamOf("base/2", 1, 0, 3),
                  StreamOf("base/3", 2, 0, 8),
                  StreamOf("base/4", 4101, 1, 0),
                  StreamOf("base/5", 0, 0, 0)};
  list.streams.push_back(StreamOf("base/1", 1, 0, 9));
  list.streams.back().root = StreamRoot::kExternalConfig;
  // Nine of ten units are used now.
  return list;
}

PreviousMap MapOf(const StreamList& list) {
  PreviousMap map;
  map.AddList(list, ContentDigestOf(50), {MetadataPack(3), {700, 100, 900, 3, 1}});
  return map;
}

TEST(PreviousMap, KnowsWhereTheUnitsOfEachStreamAre) {
  const PreviousMap map = MapOf(SampleStreams());
  EXPECT_FALSE(map.empty());
  EXPECT_TRUE(PreviousMap().empty());
  EXPECT_EQ(map.Find(StreamRoot::kDataDirectory, "base/9"), nullptr);
  EXPECT_EQ(map.Find(StreamRoot::kDataDirectory, "base"), nullptr) << "a directory";

  const PreviousMap::Stream* small = map.Find(StreamRoot::kDataDirectory, "base/3");
  ASSERT_NE(small, nullptr);
  EXPECT_TRUE(small->whole);
  EXPECT_EQ(small->entry.size, 2 * kUnitBytes);
  ASSERT_EQ(small->extents.size(), 1u);
  EXPECT_EQ(small->extents[0].first_unit, 0u);
  EXPECT_EQ(small->extents[0].count, 2u);
  EXPECT_EQ(small->extents[0].first_entry, 8u);

  const PreviousMap::Stream* large = map.Find(StreamRoot::kDataDirectory, "base/4");
  ASSERT_NE(large, nullptr);
  ASSERT_EQ(large->extents.size(), 2u);
  EXPECT_EQ(large->extents[0].count, 4096u);
  EXPECT_EQ(large->extents[1].first_unit, 4096u);
  EXPECT_EQ(large->extents[1].count, 5u);
  EXPECT_EQ(large->extents[1].first_entry, 0u);
  const PreviousMap::Leaf& leaf = map.leaf(large->extents[0].leaf);
  EXPECT_EQ(leaf.at.location.offset, 400u);
  EXPECT_EQ(map.metadata_packs()[leaf.pack].sha256, ContentDigestOf(1));
  EXPECT_EQ(map.metadata_packs()[leaf.base_pack].sha256, ContentDigestOf(2));
  EXPECT_EQ(map.NumberOfMetadataPack(MetadataPack(2)), leaf.base_pack);
  EXPECT_EQ(leaf.uses.size(), 2u);

  EXPECT_TRUE(map.Find(StreamRoot::kDataDirectory, "base/5")->extents.empty());
  EXPECT_TRUE(map.Find(StreamRoot::kDataDirectory, "base/5")->whole);
  // A name of configuration from outside is another name.
  EXPECT_EQ(map.Find(StreamRoot::kExternalConfig, "base/1")->extents[0].first_entry, 9u);
  EXPECT_EQ(map.Find(StreamRoot::kDataDirectory, "base/1")->extents[0].first_entry, 0u);
}

TEST(PreviousMap, TablesOfSeveralListsAreOneTable) {
  PreviousMap map = MapOf(SampleStreams());
  StreamList other;
  other.packs = {MetadataPack(2), MetadataPack(9)};
  other.leaves = {{1, {200, 100, 900, 0, 1}, 4}};
  other.data_packs = {{ContentDigestOf(103), 7000}, {ContentDigestOf(102), 6000}};
  other.needs = {{0, {{1, 40}, {0, 60}}}};
  other.streams = {StreamOf("base/8", 4, 0, 0), StreamOf("base/2", 1, 0, 2)};
  map.AddList(other, ContentDigestOf(51), {MetadataPack(3), {900, 100, 900, 4, 1}});
  EXPECT_EQ(map.metadata_packs().size(), 3u);
  EXPECT_EQ(map.data_packs().packs().size(), 3u);
  const PreviousMap::Stream* stream = map.Find(StreamRoot::kDataDirectory, "base/8");
  const PreviousMap::Leaf& leaf = map.leaf(stream->extents.at(0).leaf);
  EXPECT_EQ(map.metadata_packs()[leaf.pack].sha256, ContentDigestOf(9));
  EXPECT_EQ(map.metadata_packs()[leaf.base_pack].sha256, ContentDigestOf(2));
  EXPECT_EQ(map.data_packs().packs()[leaf.uses[0].pack].sha256, ContentDigestOf(102));
  EXPECT_EQ(map.data_packs().packs()[leaf.uses[1].pack].sha256, ContentDigestOf(103));
  // What a later list says replaces what was known.
  ASSERT_EQ(map.Find(StreamRoot::kDataDirectory, "base/2")->extents.size(), 1u);
  EXPECT_EQ(map.Find(StreamRoot::kDataDirectory, "base/2")->extents[0].first_entry, 2u);
}

TEST(PreviousMap, OfALeafThatIsPartlyUsedItsShareCounts) {
  StreamList list = SampleStreams();
  list.streams.pop_back();  // six of the ten units of leaf 0 are used
  std::vector<PackUse> uses = MapOf(list).PackUses();
  ASSERT_EQ(uses.size(), 2u);
  std::ranges::sort(uses, {}, &PackUse::sha256);
  EXPECT_EQ(uses[0].sha256, ContentDigestOf(101));
  EXPECT_EQ(uses[0].stored_bytes, 5000u);
  EXPECT_EQ(uses[0].live_bytes, 600u + 2000u);
  EXPECT_EQ(uses[1].stored_bytes, 6000u);
  EXPECT_EQ(uses[1].live_bytes, 3500u);
}

TEST(PreviousMap, ALeafIsUsableUntilOneOfItsPacksIsLost) {
  // Its own pack, its base's, and the data packs that it needs; by leaf.
  const std::vector<std::pair<uint8_t, std::vector<bool>>> cases{{1, {false, false, false}},
                                                                 {2, {true, false, true}},
                                                                 {101, {false, false, true}},
                                                                 {102, {true, false, false}},
                                                                 {3, {true, true, true}}};
  for (const auto& [lost, usable] : cases) {
    PreviousMap map = MapOf(SampleStreams());
    map.MarkLost({ContentDigestOf(lost)});
    for (uint32_t leaf = 0; leaf < 3; ++leaf) {
      EXPECT_EQ(map.IsUsable(leaf), usable[leaf]) << int(lost) << " " << leaf;
    }
  }
}

TEST(PreviousMap, AListIsFoundByItsBytesUntilItsPackIsLost) {
  PreviousMap map = MapOf(SampleStreams());
  ASSERT_NE(map.FindList(ContentDigestOf(50)), nullptr);
  EXPECT_EQ(map.FindList(ContentDigestOf(50))->location.offset, 700u);
  EXPECT_EQ(map.FindList(ContentDigestOf(51)), nullptr);
  map.MarkLost({ContentDigestOf(3)});
  EXPECT_EQ(map.FindList(ContentDigestOf(50)), nullptr);
}

TEST(PreviousMap, APackIsLostEvenIfItWasToBeEmptied) {
  for (bool lost_first : {true, false}) {
    PreviousMap map = MapOf(SampleStreams());
    if (lost_first) map.MarkLost({ContentDigestOf(102)});
    map.MarkToEmpty({{{ContentDigestOf(102), 1}}});
    if (!lost_first) map.MarkLost({ContentDigestOf(102)});
    EXPECT_FALSE(map.IsUsable(2));
    EXPECT_FALSE(map.NeedsPackToEmpty(2));
  }
  PreviousMap map = MapOf(SampleStreams());
  map.MarkToEmpty({{{ContentDigestOf(102), 1}}});
  EXPECT_TRUE(map.IsUsable(2));
  EXPECT_TRUE(map.NeedsPackToEmpty(1));
  EXPECT_TRUE(map.NeedsPackToEmpty(2));
  EXPECT_FALSE(map.NeedsPackToEmpty(0));
}

TEST(PreviousMap, OnlyPacksThatAreKeptCount) {
  PreviousMap map = MapOf(SampleStreams());
  map.KeepOnly({ContentDigestOf(1), ContentDigestOf(101)});
  EXPECT_TRUE(map.IsUsable(0));
  EXPECT_FALSE(map.IsUsable(1));
  EXPECT_FALSE(map.IsUsable(2));
  EXPECT_EQ(map.FindList(ContentDigestOf(50)), nullptr);
  map.MarkLost({ContentDigestOf(101)});
  EXPECT_FALSE(map.IsUsable(0));
}

TEST(PreviousMap, APatchIsNotKeptWithoutThePackOfItsBase) {
  PreviousMap map = MapOf(SampleStreams());
  map.KeepOnly({ContentDigestOf(1), ContentDigestOf(101), ContentDigestOf(102)});
  EXPECT_TRUE(map.IsUsable(0));
  EXPECT_FALSE(map.IsUsable(1)) << "a patch on a leaf in pack 2";
  EXPECT_TRUE(map.IsUsable(2));
}

TEST(PreviousMap, NothingIsKnownOfAFileThatWasForgotten) {
  PreviousMap map = MapOf(SampleStreams());
  map.Forget(StreamRoot::kDataDirectory, "base/1");
  map.Forget(StreamRoot::kDataDirectory, "never/there");
  EXPECT_EQ(map.Find(StreamRoot::kDataDirectory, "base/1"), nullptr);
  EXPECT_NE(map.Find(StreamRoot::kExternalConfig, "base/1"), nullptr);
  EXPECT_NE(map.Find(StreamRoot::kDataDirectory, "base/2"), nullptr);
}

// A leaf of two data packs that is stored for real.
class PreviousMapReadTest : public ::testing::Test {
 protected:
  PreviousMapReadTest() {
    repository::MapLeaf leaf;
    for (uint8_t i = 0; i < 2; ++i) {
      leaf.packs.push_back(MetadataPack(static_cast<uint8_t>(101 + i)));
      leaf.blobs.push_back({i, {200, 100, kUnitBytes, 0, 1}, 0});
      leaf.units.push_back({i, 0, i});
    }
    leaf.units.push_back({repository::kZeroUnit, 0, 9});
    repository::PackUploader uploader(*cluster_.storage, cluster_.access->names, 1, 1);
    repository::MetadataWriter metadata(*cluster_.access, uploader);
    repository::TableBlob at = metadata.Add(EncodeMapLeaf(leaf)).value();
    list_.packs = metadata.Finish().value();
    CHECK(uploader.Finish().ok());
    at.units = 3;
    list_.leaves = {at};
    list_.data_packs = {{ContentDigestOf(101), 1'000'000}, {ContentDigestOf(102), 1'000'000}};
    list_.needs = {{kNoPack, {{0, 100}, {1, 100}}}};
    list_.streams = {StreamOf("base/1", 3, 0, 0)};
    map_.AddList(list_, ContentDigestOf(50), {});
  }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  StreamList list_;
  PreviousMap map_;
  repository::BlobReader reader_{*cluster_.access};
};

TEST_F(PreviousMapReadTest, ALeafComesWithAVerdictOnEachOfItsPacks) {
  auto known = map_.Read(reader_, 0);
  ASSERT_TRUE(known.ok()) << known.error().message;
  EXPECT_EQ((*known)->pack.sha256, list_.packs[0].sha256);
  EXPECT_EQ((*known)->leaf.units.size(), 3u);
  EXPECT_EQ((*known)->verdicts, (std::vector{PackVerdict::kUsable, PackVerdict::kUsable}));
  EXPECT_TRUE((*known)->reusable);
  EXPECT_TRUE((*known)->judged);

  map_.MarkToEmpty({{{ContentDigestOf(102), 1}}});
  known = map_.Read(reader_, 0);
  EXPECT_EQ((*known)->verdicts, (std::vector{PackVerdict::kUsable, PackVerdict::kToEmpty}));
  EXPECT_TRUE((*known)->reusable);
  EXPECT_EQ((*known)->VerdictOf((*known)->leaf.units[2]), PackVerdict::kUsable) << "zeros";

  map_.MarkLost({ContentDigestOf(101)});
  known = map_.Read(reader_, 0);
  EXPECT_EQ((*known)->verdicts, (std::vector{PackVerdict::kLost, PackVerdict::kToEmpty}));
  EXPECT_FALSE((*known)->reusable);
}

TEST_F(PreviousMapReadTest, ALeafInALostPackIsReadAndNotReferredTo) {
  map_.MarkLost({list_.packs[0].sha256});
  auto known = map_.Read(reader_, 0);
  ASSERT_TRUE(known.ok()) << known.error().message;
  EXPECT_FALSE((*known)->reusable);
}

TEST_F(PreviousMapReadTest, ALeafThatIsNotThereIsAnError) {
  ASSERT_TRUE(cluster_.storage->Delete(cluster_.access->names.Pack(list_.packs[0].sha256)).ok());
  EXPECT_EQ(map_.Read(reader_, 0).code(), Code::kNotFound);
}

TEST(PackTable, GivesEachPackOneNumberFromAnyThread) {
  PackTable table;
  std::vector<std::thread> threads;
  std::vector<std::vector<uint32_t>> numbers(4, std::vector<uint32_t>(200));
  for (size_t thread = 0; thread < numbers.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t i = 0; i < 200; ++i) {
        const auto seed = static_cast<uint8_t>((i * 7 + thread * 31) % 200);
        numbers[thread][seed] = table.NumberOf({ContentDigestOf(seed), seed});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(table.packs().size(), 200u);
  for (size_t thread = 0; thread < numbers.size(); ++thread) {
    EXPECT_EQ(numbers[thread], numbers[0]);
    for (size_t seed = 0; seed < 200; ++seed) {
      EXPECT_EQ(table.packs()[numbers[thread][seed]].sha256,
                ContentDigestOf(static_cast<uint8_t>(seed)));
    }
  }
}

}  // namespace
}  // namespace pgcairn::commands
