#include "commands/store_lists.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "repository/testing/memory_cluster.h"

namespace pgcairn::commands {
namespace {

using repository::BlobReference;
using repository::StoredPack;
using repository::StreamList;

crypto::Sha256Digest SeededDigest(uint8_t seed) {
  crypto::Sha256Digest digest;
  digest.bytes.fill(seed);
  return digest;
}

class StoreListsTest : public ::testing::Test {
 protected:
  struct Stored {
    StoredLists lists;
    std::vector<StoredPack> new_packs;
  };

  static std::vector<PlacedStream> Files(size_t count) {
    std::vector<PlacedStream> streams;
    for (size_t i = 0; i < count; ++i) {
      PlacedStream stream;
      stream.entry.path = fmt::format("base/5/{}", 100'000 + i);
      stream.entry.inode = i;
      streams.push_back(stream);
    }
    return streams;
  }

  Stored Store(const std::vector<PlacedStream>& streams,
               const std::vector<repository::PackReference>& leaf_packs = {}) {
    repository::PackUploader uploader(*cluster_.storage, cluster_.access->names, 1, 1);
    Result<StoredLists> lists =
        StoreLists(*cluster_.access, uploader, streams, leaf_packs, previous_);
    CHECK(lists.ok() && uploader.Finish().ok());
    return {std::move(lists).value(), uploader.Stored()};
  }

  StreamList Read(const BlobReference& at, crypto::Sha256Digest* sha256 = nullptr) {
    repository::BlobReader reader(*cluster_.access);
    Bytes raw = reader.Read(repository::ObjectKind::kMetadataPack, at.pack, at.location).value();
    if (sha256 != nullptr) *sha256 = crypto::Sha256(raw);
    return repository::DecodeStreamList(raw).value();
  }

  // The next Store finds these lists.
  void Remember(const StoredLists& stored) {
    for (const BlobReference& at : stored.lists) {
      crypto::Sha256Digest sha256;
      const StreamList list = Read(at, &sha256);
      previous_.AddList(list, sha256, at);
    }
  }

  std::vector<std::string> Paths(const StoredLists& stored) {
    std::vector<std::string> paths;
    for (const BlobReference& at : stored.lists) {
      for (const repository::StreamEntry& stream : Read(at).streams) paths.push_back(stream.path);
    }
    return paths;
  }

  static size_t Fresh(const StoredLists& now, const StoredLists& before) {
    return static_cast<size_t>(std::ranges::count_if(now.lists, [&](const BlobReference& list) {
      return std::ranges::none_of(before.lists, [&](const BlobReference& other) {
        return other.pack == list.pack && other.location.offset == list.location.offset;
      });
    }));
  }

  static std::set<crypto::Sha256Digest> Names(const std::vector<StoredPack>& packs) {
    std::set<crypto::Sha256Digest> names;
    for (const StoredPack& pack : packs) names.insert(pack.sha256);
    EXPECT_EQ(names.size(), packs.size()) << "each once";
    return names;
  }

  repository::MemoryCluster cluster_ = repository::MakeMemoryCluster();
  PreviousMap previous_;
};

TEST_F(StoreListsTest, AllStreamsComeBackInTheirOrder) {
  const std::vector<PlacedStream> files = Files(20'000);
  const Stored stored = Store(files);
  EXPECT_GT(stored.lists.lists.size(), 5u);
  EXPECT_LT(stored.lists.lists.size(), 60u);
  const std::vector<std::string> paths = Paths(stored.lists);
  ASSERT_EQ(paths.size(), files.size());
  for (size_t i = 0; i < files.size(); ++i) ASSERT_EQ(paths[i], files[i].entry.path);
  for (size_t i = 0; i + 1 < stored.lists.lists.size(); ++i) {
    const size_t streams = Read(stored.lists.lists[i]).streams.size();
    EXPECT_GE(streams, 256u);
    EXPECT_LE(streams, repository::kListStreamsMax);
  }
}

TEST_F(StoreListsTest, NoStreamsNeedNoList) {
  const Stored stored = Store({});
  EXPECT_TRUE(stored.lists.lists.empty());
  EXPECT_TRUE(stored.lists.packs.empty());
  EXPECT_TRUE(stored.new_packs.empty());
}

TEST_F(StoreListsTest, EqualListsAreNotStoredAgain) {
  const Stored first = Store(Files(20'000));
  Remember(first.lists);
  const Stored second = Store(Files(20'000));
  EXPECT_TRUE(second.new_packs.empty());
  EXPECT_EQ(Fresh(second.lists, first.lists), 0u);
  EXPECT_EQ(second.lists.lists.size(), first.lists.lists.size());
  EXPECT_EQ(Names(second.lists.packs), Names(first.new_packs)) << "those lists are needed";
}

TEST_F(StoreListsTest, ListsInALostPackAreStoredAgain) {
  const Stored first = Store(Files(1000));
  Remember(first.lists);
  previous_.MarkLost({first.new_packs.at(0).sha256});
  const Stored second = Store(Files(1000));
  EXPECT_EQ(second.new_packs.size(), 1u);
  EXPECT_FALSE(Names(second.lists.packs).contains(first.new_packs[0].sha256));
}

TEST_F(StoreListsTest, OneFileMoreOrLessChangesOneListOrTwo) {
  const std::vector<PlacedStream> files = Files(20'000);
  const Stored first = Store(files);
  Remember(first.lists);
  for (size_t at : {size_t{0}, size_t{7777}, size_t{19'999}}) {
    std::vector<PlacedStream> more = files;
    PlacedStream added;
    added.entry.path = files[at].entry.path + ".1";
    more.insert(more.begin() + static_cast<ptrdiff_t>(at + 1), added);
    EXPECT_LE(Fresh(Store(more).lists, first.lists), 2u) << at;
    std::vector<PlacedStream> fewer = files;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(at));
    EXPECT_LE(Fresh(Store(fewer).lists, first.lists), 2u) << at;
    std::vector<PlacedStream> other = files;
    other[at].entry.mtime_ns = 1;
    EXPECT_EQ(Fresh(Store(other).lists, first.lists), 1u) << at;
  }
}

TEST_F(StoreListsTest, ManyNewFilesAtTheFrontLeaveTheRestAsItWas) {
  const Stored first = Store(Files(20'000));
  Remember(first.lists);
  std::vector<PlacedStream> files = Files(20'000);
  std::vector<PlacedStream> front;
  for (int i = 0; i < 700; ++i) {
    PlacedStream stream;
    stream.entry.path = fmt::format("base/4/{}", 10'000 + i);
    front.push_back(stream);
  }
  files.insert(files.begin(), front.begin(), front.end());
  EXPECT_LE(Fresh(Store(files).lists, first.lists), 4u);
}

// Two leaves of an earlier backup, of which one is a patch, and three of this one.
class StoreListsWithLeavesTest : public StoreListsTest {
 protected:
  StoreListsWithLeavesTest() {
    StreamList earlier;
    earlier.packs = {PackOf(1), PackOf(2)};
    earlier.leaves = {{0, {200, 100, 900, 0, 1}, 10}, {0, {400, 100, 900, 1, 1}, 4096}};
    earlier.data_packs = {{SeededDigest(101), 5000}, {SeededDigest(102), 6000}};
    earlier.needs = {{repository::kNoPack, {{0, 1000}}}, {1, {{0, 2000}, {1, 3000}}}};
    earlier.streams = {Stream("base/5/1", 10), Stream("base/5/2", 4096)};
    earlier.streams[0].first_leaf = 0;
    earlier.streams[1].first_leaf = 1;
    previous_.AddList(earlier, SeededDigest(50), {});
    for (uint32_t i = 0; i < 3; ++i) {
      fresh_[i].blob = {
          i / 2, {200 + 100 * i, 100, 900, i, 1}, i == 2 ? uint16_t{4} : uint16_t{4096}};
      fresh_[i].uses = {{previous_.data_packs().NumberOf({SeededDigest(102), 6000}), 10 + i},
                        {previous_.data_packs().NumberOf({SeededDigest(111), 7000}), 20 + i}};
    }
    fresh_[1].base_pack = previous_.NumberOfMetadataPack(PackOf(2));
  }

  static repository::PackReference PackOf(uint8_t seed) {
    repository::PackReference pack;
    pack.sha256 = SeededDigest(seed);
    pack.length = 1'000'000;
    return pack;
  }

  static repository::StreamEntry Stream(const std::string& path, uint64_t units) {
    repository::StreamEntry entry;
    entry.path = path;
    entry.size = units * repository::kUnitBytes;
    return entry;
  }

  NewLeaf fresh_[3];
  const std::vector<repository::PackReference> leaf_packs_{PackOf(11), PackOf(12)};
};

TEST_F(StoreListsWithLeavesTest, LeavesOldAndNewAreNamedWithAllThatTheyNeed) {
  std::vector<PlacedStream> streams;
  streams.push_back({Stream("base/5/1", 10), {{nullptr, 0}}});
  streams.push_back({Stream("base/5/2", 4096), {{nullptr, 1}}});
  streams.push_back(
      {Stream("base/5/3", 2 * 4096 + 4), {{&fresh_[0], 0}, {&fresh_[1], 0}, {&fresh_[2], 0}}});
  streams.push_back({Stream("base/5/4", 1), {{&fresh_[2], 0}}});
  streams[3].entry.first_entry = 3;
  const Stored stored = Store(streams, leaf_packs_);
  ASSERT_EQ(stored.lists.lists.size(), 1u);
  EXPECT_EQ(Names(stored.lists.packs),
            (std::set<crypto::Sha256Digest>{SeededDigest(1), SeededDigest(2), SeededDigest(11),
                                            SeededDigest(12), SeededDigest(101), SeededDigest(102),
                                            SeededDigest(111)}));

  const StreamList list = Read(stored.lists.lists[0]);
  auto leaf_pack = [&](uint32_t stream, uint32_t leaf) {
    const repository::TableBlob& at = list.leaves.at(list.streams.at(stream).first_leaf + leaf);
    return std::pair(list.packs.at(at.pack).sha256, at.location.offset);
  };
  auto base_pack = [&](uint32_t stream, uint32_t leaf) {
    const uint32_t index = list.needs.at(list.streams.at(stream).first_leaf + leaf).base_pack;
    return index == repository::kNoPack ? std::nullopt : std::optional(list.packs.at(index).sha256);
  };
  auto uses = [&](uint32_t stream, uint32_t leaf) {
    std::map<crypto::Sha256Digest, uint32_t> bytes;
    for (const repository::LeafUse& use :
         list.needs.at(list.streams.at(stream).first_leaf + leaf).uses) {
      bytes[list.data_packs.at(use.pack).sha256] = use.bytes;
    }
    return bytes;
  };
  using Uses = std::map<crypto::Sha256Digest, uint32_t>;
  EXPECT_EQ(leaf_pack(0, 0), std::pair(SeededDigest(1), 200u));
  EXPECT_EQ(base_pack(0, 0), std::nullopt);
  EXPECT_EQ(uses(0, 0), (Uses{{SeededDigest(101), 1000}}));
  EXPECT_EQ(leaf_pack(1, 0), std::pair(SeededDigest(1), 400u));
  EXPECT_EQ(base_pack(1, 0), SeededDigest(2));
  EXPECT_EQ(uses(1, 0), (Uses{{SeededDigest(101), 2000}, {SeededDigest(102), 3000}}));
  EXPECT_EQ(leaf_pack(2, 0), std::pair(SeededDigest(11), 200u));
  EXPECT_EQ(leaf_pack(2, 1), std::pair(SeededDigest(11), 300u));
  EXPECT_EQ(base_pack(2, 1), SeededDigest(2));
  EXPECT_EQ(leaf_pack(2, 2), std::pair(SeededDigest(12), 400u));
  EXPECT_EQ(uses(2, 2), (Uses{{SeededDigest(102), 12}, {SeededDigest(111), 22}}));
  EXPECT_EQ(leaf_pack(3, 0), std::pair(SeededDigest(12), 400u));
}

TEST_F(StoreListsWithLeavesTest, SmallStreamsShareTheEntryOfTheirLeaf) {
  std::vector<PlacedStream> streams;
  for (uint16_t i = 0; i < 4; ++i) {
    streams.push_back({Stream(fmt::format("base/5/{}", i), 1), {{&fresh_[2], 0}}});
    streams.back().entry.first_entry = i;
    streams.push_back({Stream(fmt::format("base/5/{}_fsm", i), 1), {{nullptr, 0}}});
    streams.back().entry.first_entry = i;
  }
  const Stored stored = Store(streams, leaf_packs_);
  const StreamList list = Read(stored.lists.lists.at(0));
  EXPECT_EQ(list.leaves.size(), 2u);
}

TEST_F(StoreListsWithLeavesTest, AListOfCarriedLeavesIsTheSameListAgain) {
  std::vector<PlacedStream> streams;
  streams.push_back(
      {Stream("base/5/3", 2 * 4096 + 4), {{&fresh_[0], 0}, {&fresh_[1], 0}, {&fresh_[2], 0}}});
  streams.push_back({Stream("base/5/4", 1), {{&fresh_[2], 0}}});
  const Stored first = Store(streams, leaf_packs_);
  PreviousMap next;
  std::swap(previous_, next);
  Remember(first.lists);
  // Of the map that the next run reads.
  auto leaves_of = [&](const char* path) {
    std::vector<PlacedLeaf> leaves;
    for (const PreviousMap::Extent& extent :
         previous_.Find(repository::StreamRoot::kDataDirectory, path)->extents) {
      leaves.push_back({nullptr, extent.leaf});
    }
    return leaves;
  };
  for (PlacedStream& stream : streams) stream.leaves = leaves_of(stream.entry.path.c_str());
  const Stored second = Store(streams);
  EXPECT_TRUE(second.new_packs.empty());
  EXPECT_EQ(Fresh(second.lists, first.lists), 0u);
}

}  // namespace
}  // namespace pgcairn::commands
