#include "repository/map/stream_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "repository/map/map_leaf.h"

namespace pgcairn::repository {
namespace {

StreamEntry StreamOf(const std::string& path, uint64_t size, uint32_t leaf, uint16_t entry) {
  StreamEntry stream;
  stream.path = path;
  stream.size = size;
  stream.first_leaf = leaf;
  stream.first_entry = entry;
  stream.mode = 0600;
  stream.mtime_ns = -5;
  stream.ctime_ns = 1'700'000'000'000'000'000;
  stream.inode = 12'345;
  return stream;
}

// Two packs; leaf 0 is shared by small streams, leaves 1 to 3 hold one large one. Leaf 2 is a patch
// on one that lies in a third pack.
StreamList SampleList() {
  StreamList list;
  list.packs.resize(3);
  for (PackReference& pack : list.packs) pack.length = 1'000'000;
  list.leaves.push_back({0, {200, 1000, 40'000, 0, 1}, 10});
  for (uint32_t i = 1; i < 4; ++i) {
    list.leaves.push_back(
        {1, {2000 * i, 1000, 40'000, i, 1}, i == 3 ? uint16_t{5} : uint16_t{4096}});
  }
  for (uint8_t i = 0; i < 2; ++i) {
    StoredPack pack;
    pack.sha256.bytes.fill(static_cast<uint8_t>(100 + i));
    pack.length = 1'000'000u + i;
    list.data_packs.push_back(pack);
  }
  list.needs.resize(list.leaves.size());
  list.needs[0].uses = {{0, 5000}};
  list.needs[1].uses = {{0, 1}, {1, UINT32_MAX}};
  list.needs[2] = {2, {{1, 700}}};
  StreamEntry directory = StreamOf("base", 0, kNoLeaf, 0);
  directory.kind = StreamKind::kDirectory;
  directory.mode = 0700;
  list.streams.push_back(directory);
  list.streams.push_back(StreamOf("base/1", 3 * kUnitBytes, 0, 0));
  list.streams.push_back(StreamOf("base/2", 1, 0, 3));
  list.streams.push_back(StreamOf("base/3", 0, kNoLeaf, 0));
  list.streams.push_back(StreamOf("base/4", 6 * kUnitBytes - 1, 0, 4));
  list.streams.push_back(StreamOf("base/5", uint64_t{2 * 4096 + 5} * kUnitBytes, 1, 0));
  list.streams.back().kind = StreamKind::kRelationFile;
  list.streams.push_back(StreamOf("etc/postgresql.conf", 100, 0, 9));
  list.streams.back().root = StreamRoot::kExternalConfig;
  return list;
}

void ExpectInRange(const StreamList& list) {
  for (const TableBlob& leaf : list.leaves) {
    ASSERT_LT(leaf.pack, list.packs.size());
    ASSERT_LE(uint64_t{leaf.location.offset} + leaf.location.stored_length,
              list.packs[leaf.pack].length);
    ASSERT_GE(leaf.units, 1);
    ASSERT_LE(leaf.units, kLeafUnitsMax);
  }
  ASSERT_EQ(list.needs.size(), list.leaves.size());
  for (const LeafNeeds& needs : list.needs) {
    if (needs.base_pack != kNoPack) {
      ASSERT_LT(needs.base_pack, list.packs.size());
    }
    for (const LeafUse& use : needs.uses) ASSERT_LT(use.pack, list.data_packs.size());
  }
  for (const StoredPack& pack : list.data_packs) ASSERT_LE(pack.length, kPackBytesMax);
  for (const StreamEntry& stream : list.streams) {
    ASSERT_TRUE(IsSafeRelativePath(stream.path));
    if (stream.size == 0) continue;
    uint64_t units = (stream.size - 1) / kUnitBytes + 1;
    uint64_t there = 0;
    ASSERT_LT(stream.first_leaf, list.leaves.size());
    ASSERT_LT(stream.first_entry, list.leaves[stream.first_leaf].units);
    for (size_t i = stream.first_leaf; i < list.leaves.size(); ++i) there += list.leaves[i].units;
    ASSERT_LE(units, there - stream.first_entry);
  }
}

TEST(StreamList, ComesBackAsItWasWritten) {
  StreamList list = SampleList();
  Bytes raw = EncodeStreamList(list);
  Result<StreamList> decoded = DecodeStreamList(raw);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(decoded->packs, list.packs);
  ASSERT_EQ(decoded->leaves.size(), list.leaves.size());
  EXPECT_EQ(decoded->leaves[2].units, 4096);
  ASSERT_EQ(decoded->data_packs.size(), list.data_packs.size());
  for (size_t i = 0; i < list.data_packs.size(); ++i) {
    EXPECT_EQ(decoded->data_packs[i].sha256, list.data_packs[i].sha256);
    EXPECT_EQ(decoded->data_packs[i].length, list.data_packs[i].length);
  }
  ASSERT_EQ(decoded->needs.size(), list.needs.size());
  for (size_t i = 0; i < list.needs.size(); ++i) {
    EXPECT_EQ(decoded->needs[i].base_pack, list.needs[i].base_pack);
    ASSERT_EQ(decoded->needs[i].uses.size(), list.needs[i].uses.size());
    for (size_t j = 0; j < list.needs[i].uses.size(); ++j) {
      EXPECT_EQ(decoded->needs[i].uses[j].pack, list.needs[i].uses[j].pack);
      EXPECT_EQ(decoded->needs[i].uses[j].bytes, list.needs[i].uses[j].bytes);
    }
  }
  ASSERT_EQ(decoded->streams.size(), list.streams.size());
  for (size_t i = 0; i < list.streams.size(); ++i) {
    const StreamEntry& a = decoded->streams[i];
    const StreamEntry& b = list.streams[i];
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.root, b.root);
    EXPECT_EQ(a.mode, b.mode);
    EXPECT_EQ(a.path, b.path);
    EXPECT_EQ(a.size, b.size);
    EXPECT_EQ(a.mtime_ns, b.mtime_ns);
    EXPECT_EQ(a.ctime_ns, b.ctime_ns);
    EXPECT_EQ(a.inode, b.inode);
    EXPECT_EQ(a.first_leaf, b.first_leaf);
    EXPECT_EQ(a.first_entry, b.first_entry);
  }
  EXPECT_EQ(EncodeStreamList(*decoded), raw);
  EXPECT_TRUE(DecodeStreamList(EncodeStreamList({})).ok());
}

Code CodeAfter(const StreamList& list) {
  Result<StreamList> decoded = DecodeStreamList(EncodeStreamList(list));
  return decoded.ok() ? Code::kFailed : decoded.code();
}

Code CodeWith(size_t stream, auto change) {
  StreamList list = SampleList();
  change(list.streams[stream]);
  return CodeAfter(list);
}

TEST(StreamList, AStreamReachesExactlyToTheEndOfItsLeaves) {
  EXPECT_EQ(CodeWith(5, [](auto& s) { s.size += 1; }), Code::kDamaged);
  EXPECT_EQ(CodeWith(5, [](auto& s) { s.first_entry = 1; }), Code::kDamaged);
  EXPECT_EQ(CodeWith(5, [](auto& s) { s.first_leaf = 4; }), Code::kDamaged);
  EXPECT_EQ(CodeWith(5, [](auto& s) { s.first_leaf = kNoLeaf; }), Code::kDamaged);
  EXPECT_EQ(CodeWith(5, [](auto& s) { s.size = UINT64_MAX; }), Code::kDamaged);
  EXPECT_EQ(CodeWith(6, [](auto& s) { s.first_entry = 10; }), Code::kDamaged);
}

TEST(StreamList, EmptyStreamsAndDirectoriesHaveNoMap) {
  EXPECT_EQ(CodeWith(3, [](auto& s) { s.first_leaf = 0; }), Code::kDamaged);
  EXPECT_EQ(CodeWith(1, [](auto& s) { s.kind = StreamKind::kDirectory; }), Code::kDamaged);
}

TEST(StreamList, ImpossibleLeavesAndFieldsAreDamaged) {
  StreamList list = SampleList();
  list.leaves[0].pack = 3;
  EXPECT_EQ(CodeAfter(list), Code::kDamaged);
  list = SampleList();
  list.leaves[3].units = 0;
  EXPECT_EQ(CodeAfter(list), Code::kDamaged);
  list = SampleList();
  list.leaves[3].units = 4097;
  EXPECT_EQ(CodeAfter(list), Code::kDamaged);
  list = SampleList();
  list.leaves[3].location.offset = 999'500;
  EXPECT_EQ(CodeAfter(list), Code::kDamaged);
  EXPECT_EQ(CodeWith(1, [](auto& s) { s.kind = static_cast<StreamKind>(4); }), Code::kDamaged);
  EXPECT_EQ(CodeWith(1, [](auto& s) { s.kind = static_cast<StreamKind>(0); }), Code::kDamaged);
  EXPECT_EQ(CodeWith(1, [](auto& s) { s.root = static_cast<StreamRoot>(2); }), Code::kDamaged);
  EXPECT_EQ(CodeWith(1, [](auto& s) { s.mode = 010'000; }), Code::kDamaged);
}

TEST(StreamList, NeedsOfNoPackAreDamaged) {
  StreamList list = SampleList();
  list.needs[2].base_pack = 3;
  EXPECT_EQ(CodeAfter(list), Code::kDamaged);
  list = SampleList();
  list.needs[1].uses[1].pack = 2;
  EXPECT_EQ(CodeAfter(list), Code::kDamaged);
  list = SampleList();
  list.data_packs[1].length = uint64_t{kPackBytesMax} + 1;
  EXPECT_EQ(CodeAfter(list), Code::kDamaged);
}

TEST(StreamList, TheNumbersOfUsesMustAddUp) {
  const StreamList list = SampleList();
  const Bytes raw = EncodeStreamList(list);
  // Of each leaf the second half of its needs says how many uses it has.
  const size_t needs = 32 + 3 * kPackReferenceBytes + 4 * kTableBlobBytes + 2 * 40;
  for (size_t leaf = 0; leaf < 4; ++leaf) {
    const size_t at = needs + 8 * leaf + 4;
    ASSERT_EQ(LoadLe<uint32_t>(&raw[at]), list.needs[leaf].uses.size());
    for (uint32_t wrong : {uint32_t(list.needs[leaf].uses.size() + 1), UINT32_MAX}) {
      Bytes changed = raw;
      StoreLe<uint32_t>(&changed[at], wrong);
      EXPECT_EQ(DecodeStreamList(changed).code(), Code::kDamaged) << leaf;
    }
    if (list.needs[leaf].uses.empty()) continue;
    Bytes changed = raw;
    StoreLe<uint32_t>(&changed[at], 0);
    EXPECT_EQ(DecodeStreamList(changed).code(), Code::kDamaged) << leaf;
  }
}

TEST(StreamList, AnotherVersionIsUnsupported) {
  for (uint8_t version : {uint8_t{0}, uint8_t{1}, uint8_t{3}}) {
    Bytes raw = EncodeStreamList(SampleList());
    raw[4] = version;
    EXPECT_EQ(DecodeStreamList(raw).code(), Code::kUnsupported) << int(version);
  }
}

TEST(StreamList, PathsThatLeadOutAreRefused) {
  for (const std::string& path :
       {std::string(), std::string("/etc/passwd"), std::string(".."), std::string("../x"),
        std::string("a/../../x"), std::string("a/.."), std::string("./a"), std::string("a/./b"),
        std::string("a//b"), std::string("a/"), std::string("/"), std::string("a\0b", 3)}) {
    EXPECT_FALSE(IsSafeRelativePath(path)) << path;
    EXPECT_EQ(CodeWith(1, [&](auto& s) { s.path = path; }), Code::kDamaged) << path;
  }
  for (const char* path : {"a", "base/5/16384.1", "..a/b..", "...", "pg_tblspc/1/PG_15/x"}) {
    EXPECT_TRUE(IsSafeRelativePath(path)) << path;
  }
}

TEST(StreamList, EveryOtherLengthIsDamaged) {
  Bytes raw = EncodeStreamList(SampleList());
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_EQ(DecodeStreamList(ByteView(raw).first(size)).code(), Code::kDamaged) << size;
  }
  raw.push_back('x');
  EXPECT_EQ(DecodeStreamList(raw).code(), Code::kDamaged);
}

TEST(StreamList, NoMutationIsAcceptedWithAnIndexOutOfRange) {
  const Bytes raw = EncodeStreamList(SampleList());
  std::mt19937_64 generator(42);
  auto below = [&](uint64_t limit) { return generator() % limit; };
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes mutated = raw;
    for (uint64_t i = 1 + below(2); i > 0; --i) {
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
          if (below(10) == 0) mutated.resize(1 + below(2 * raw.size()));
          break;
      }
    }
    Result<StreamList> decoded = DecodeStreamList(mutated);
    if (!decoded.ok()) {
      ASSERT_TRUE(decoded.code() == Code::kDamaged || decoded.code() == Code::kUnsupported);
      continue;
    }
    ++accepted;
    ASSERT_NO_FATAL_FAILURE(ExpectInRange(*decoded));
    ASSERT_EQ(EncodeStreamList(*decoded), mutated);
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_LT(accepted, 19'000);
}

}  // namespace
}  // namespace pgcairn::repository
