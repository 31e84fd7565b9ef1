// Leaves, patches and a list that were written by hand from docs/format.md (testdata/README.md).
// The independent reader reads the same files in tests/e2e/test_reader_golden.py.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "repository/map/chunk_leaf.h"
#include "repository/map/map_leaf.h"
#include "repository/map/map_patch.h"
#include "repository/map/stream_list.h"

namespace pgcairn::repository {
namespace {

constexpr uint64_t kOnes = 0x1111'1111'1111'1111;

Bytes Vector(const std::string& name) {
  std::ifstream file(std::filesystem::path(PGCAIRN_LAYER_SOURCES) / "map/testdata" / name);
  std::string hex;
  for (std::string line; std::getline(file, line);) hex += line.substr(0, line.find(' '));
  std::optional<Bytes> bytes = FromHex(hex);
  CHECK(bytes && !bytes->empty());
  return *bytes;
}

PackReference VectorPack(uint8_t number, uint64_t length) {
  PackReference pack;
  pack.sha256.bytes.fill(number);
  pack.length = length;
  pack.key_id.bytes.fill(0xa1);
  pack.salt.bytes.fill(static_cast<uint8_t>(number + 0x40));
  return pack;
}

MapLeaf WholeLeaf() {
  Result<MapLeaf> leaf = DecodeMapLeaf(Vector("whole_leaf.hex"));
  CHECK(leaf.ok());
  return *leaf;
}

MapPatch PatchOf(const std::string& name) {
  Result<MapPatch> patch = DecodeMapPatch(Vector(name));
  CHECK(patch.ok());
  return *patch;
}

void ExpectBlob(const TableBlob& blob, const BlobLocation& expected) {
  EXPECT_EQ(blob.location.offset, expected.offset);
  EXPECT_EQ(blob.location.stored_length, expected.stored_length);
  EXPECT_EQ(blob.location.raw_length, expected.raw_length);
  EXPECT_EQ(blob.location.ordinal, expected.ordinal);
  EXPECT_EQ(blob.location.codec, expected.codec);
}

void ExpectUnit(const MapLeaf& leaf, size_t unit, const PackReference& pack,
                const BlobLocation& location, uint32_t place, uint64_t fingerprint) {
  SCOPED_TRACE(unit);
  ASSERT_LT(leaf.units[unit].blob, leaf.blobs.size());
  const TableBlob& blob = leaf.blobs[leaf.units[unit].blob];
  EXPECT_EQ(leaf.packs.at(blob.pack), pack);
  ExpectBlob(blob, location);
  EXPECT_EQ(leaf.units[unit].place, place);
  EXPECT_EQ(leaf.units[unit].fingerprint, fingerprint);
}

constexpr BlobLocation kFirst{108, 5016, 16384, 0, 1};
constexpr BlobLocation kUnused{4096, 8208, 8192, 2, 0};
constexpr BlobLocation kThird{200'000, 316, 12'000, 7, 1};
constexpr BlobLocation kNew{108, 9000, 16384, 0, 1};
constexpr BlobLocation kBaseBlob{300, 200, 312, 3, 1};

void ExpectZeros(const MapLeaf& leaf, size_t unit) {
  EXPECT_EQ(leaf.units[unit].blob, kZeroUnit);
  EXPECT_EQ(leaf.units[unit].place, 0u);
  EXPECT_EQ(leaf.units[unit].fingerprint, 3 * kOnes);
}

void ExpectBase(const MapPatch& patch) {
  EXPECT_EQ(patch.base.pack, VectorPack(0x21, 3'000'000));
  ExpectBlob(patch.base.blob, kBaseBlob);
  EXPECT_EQ(patch.base.blob.units, 4u);
}

TEST(MapVectors, AWholeLeaf) {
  MapLeaf leaf = WholeLeaf();
  ASSERT_EQ(leaf.units.size(), 4u);
  EXPECT_EQ(leaf.blobs.size(), 3u);
  ExpectUnit(leaf, 0, VectorPack(0x11, 1'000'000), kFirst, 0, kOnes);
  ExpectUnit(leaf, 1, VectorPack(0x11, 1'000'000), kFirst, 8192, 2 * kOnes);
  ExpectZeros(leaf, 2);
  ExpectUnit(leaf, 3, VectorPack(0x12, 2'000'000), kThird, 8192, 4 * kOnes);
  EXPECT_EQ(EncodeMapLeaf(leaf), Vector("whole_leaf.hex"));
}

TEST(MapVectors, APatchThatGrows) {
  MapPatch patch = PatchOf("growing_patch.hex");
  ExpectBase(patch);
  EXPECT_EQ(EncodeMapPatch(patch), Vector("growing_patch.hex"));
  Result<MapLeaf> leaf = ApplyPatch(WholeLeaf(), patch);
  ASSERT_TRUE(leaf.ok()) << leaf.error().message;
  ASSERT_EQ(leaf->units.size(), 6u);
  ExpectUnit(*leaf, 0, VectorPack(0x11, 1'000'000), kFirst, 0, kOnes);
  ExpectZeros(*leaf, 1);
  ExpectUnit(*leaf, 2, VectorPack(0x13, 4'000'000), kNew, 0, 5 * kOnes);
  ExpectUnit(*leaf, 3, VectorPack(0x12, 2'000'000), kThird, 8192, 4 * kOnes);
  ExpectUnit(*leaf, 4, VectorPack(0x12, 2'000'000), kUnused, 0, 6 * kOnes);
  ExpectUnit(*leaf, 5, VectorPack(0x13, 4'000'000), kNew, 8192, 7 * kOnes);
}

TEST(MapVectors, APatchThatCuts) {
  MapPatch patch = PatchOf("cutting_patch.hex");
  ExpectBase(patch);
  EXPECT_EQ(EncodeMapPatch(patch), Vector("cutting_patch.hex"));
  Result<MapLeaf> leaf = ApplyPatch(WholeLeaf(), patch);
  ASSERT_TRUE(leaf.ok()) << leaf.error().message;
  ASSERT_EQ(leaf->units.size(), 2u);
  ExpectUnit(*leaf, 0, VectorPack(0x11, 1'000'000), kFirst, 0, kOnes);
  ExpectUnit(*leaf, 1, VectorPack(0x11, 1'000'000), kFirst, 8192, 2 * kOnes);
}

TEST(MapVectors, ALeafOfChunks) {
  Result<ChunkLeaf> leaf = DecodeChunkLeaf(Vector("chunk_leaf.hex"));
  ASSERT_TRUE(leaf.ok()) << leaf.error().message;
  EXPECT_EQ(leaf->packs,
            (std::vector<PackReference>{VectorPack(0x11, 1'000'000), VectorPack(0x12, 2'000'000)}));
  ASSERT_EQ(leaf->blobs.size(), 2u);
  ExpectBlob(leaf->blobs[0], kFirst);
  ExpectBlob(leaf->blobs[1], kThird);
  ASSERT_EQ(leaf->chunks.size(), 3u);
  const std::vector<std::array<uint32_t, 3>> expected{
      {1, 9000, 3000}, {0, 0, 2049}, {0, 2049, 14'335}};
  for (size_t i = 0; i < expected.size(); ++i) {
    const ChunkEntry& chunk = leaf->chunks[i];
    EXPECT_EQ((std::array<uint32_t, 3>{chunk.blob, chunk.place, chunk.length}), expected[i]) << i;
    EXPECT_EQ(chunk.id.bytes[15], 0x11 * (i + 1));
  }
  EXPECT_EQ(EncodeChunkLeaf(*leaf), Vector("chunk_leaf.hex"));
}

TEST(MapVectors, AStreamList) {
  Result<StreamList> list = DecodeStreamList(Vector("stream_list.hex"));
  ASSERT_TRUE(list.ok()) << list.error().message;
  EXPECT_EQ(list->packs,
            (std::vector<PackReference>{VectorPack(0x21, 3'000'000), VectorPack(0x22, 5'000'000)}));
  ASSERT_EQ(list->leaves.size(), 3u);
  EXPECT_EQ(list->leaves[0].units, 6u);
  EXPECT_EQ(list->leaves[1].pack, 0u);
  ExpectBlob(list->leaves[1], kBaseBlob);
  ASSERT_EQ(list->data_packs.size(), 2u);
  EXPECT_EQ(list->data_packs[1].sha256, VectorPack(0x13, 0).sha256);
  EXPECT_EQ(list->data_packs[1].length, 4'000'000u);
  ASSERT_EQ(list->needs.size(), 3u);
  EXPECT_EQ(list->needs[0].base_pack, 0u);
  ASSERT_EQ(list->needs[0].uses.size(), 2u);
  EXPECT_EQ(list->needs[0].uses[0].pack, 1u);
  EXPECT_EQ(list->needs[0].uses[0].bytes, 9000u);
  EXPECT_EQ(list->needs[1].base_pack, kNoPack);
  EXPECT_TRUE(list->needs[1].uses.empty());
  ASSERT_EQ(list->needs[2].uses.size(), 1u);
  ASSERT_EQ(list->streams.size(), 4u);
  EXPECT_EQ(list->streams[1].path, "base/5");
  EXPECT_EQ(list->streams[1].first_entry, 2u);
  EXPECT_EQ(list->streams[1].size, 7u * 8192 - 100);
  EXPECT_EQ(list->streams[2].ctime_ns, -1);
  EXPECT_EQ(list->streams[3].root, StreamRoot::kExternalConfig);
  EXPECT_EQ(EncodeStreamList(*list), Vector("stream_list.hex"));
}

// Where the bytes say what cannot be; the end-to-end tests have the whole list of what cannot.
TEST(MapVectors, ZerosWithAPlaceAndPacksShorterThanAHeaderAreRefused) {
  Bytes leaf = Vector("whole_leaf.hex");
  const size_t third_place = 24 + 2 * 80 + 3 * 24 + 4 * 2 + 2 * 4;
  leaf[third_place] = 1;
  EXPECT_FALSE(DecodeMapLeaf(leaf).ok());
  Bytes list = Vector("stream_list.hex");
  const size_t first_length = 32 + 2 * 80 + 3 * 24 + 32;
  StoreLe<uint64_t>(list.data() + first_length, 107);
  EXPECT_FALSE(DecodeStreamList(list).ok());
  StoreLe<uint64_t>(list.data() + first_length, 108);
  EXPECT_TRUE(DecodeStreamList(list).ok());
}

}  // namespace
}  // namespace pgcairn::repository
