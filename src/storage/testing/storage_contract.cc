#include "storage/testing/storage_contract.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "storage/testing/get_range.h"

namespace pgcairn::storage {

Bytes Pattern(uint64_t seed, size_t size) {
  std::mt19937_64 generator(seed);
  Bytes content;
  content.reserve(size + 8);
  while (content.size() < size) AppendLe<uint64_t>(content, generator());
  content.resize(size);
  return content;
}

namespace {

constexpr uint64_t kAnySize = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kFarAway = std::numeric_limits<uint64_t>::max();

std::vector<std::string> NamesOf(const Listing& listing) {
  std::vector<std::string> names;
  for (const ObjectInfo& object : listing.objects) names.push_back(object.name);
  return names;
}

using Names = std::vector<std::string>;

TEST_P(StorageContract, WhatWasPutIsRead) {
  ASSERT_TRUE(storage_->PutIfAbsent("a/b/c", AsBytes("content")).ok());
  Result<Bytes> content = storage_->Get("a/b/c", 7);
  ASSERT_TRUE(content.ok()) << content.error().message;
  EXPECT_EQ(ToString(*content), "content");
  Result<ObjectInfo> info = storage_->Stat("a/b/c");
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->name, "a/b/c");
  EXPECT_EQ(info->size_bytes, 7u);
}

TEST_P(StorageContract, ATakenNameKeepsItsContent) {
  ASSERT_TRUE(storage_->PutIfAbsent("a", AsBytes("first")).ok());
  Status second = storage_->PutIfAbsent("a", AsBytes("second, longer"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.code(), Code::kAlreadyExists);
  Status same = storage_->PutIfAbsent("a", AsBytes("first"));
  ASSERT_FALSE(same.ok());
  EXPECT_EQ(same.code(), Code::kAlreadyExists);
  EXPECT_EQ(ToString(*storage_->Get("a", kAnySize)), "first");
}

TEST_P(StorageContract, PartsAreJoined) {
  ByteView parts[] = {AsBytes(""), AsBytes("ab"), AsBytes(""), AsBytes("c"), AsBytes("")};
  ASSERT_TRUE(storage_->PutIfAbsent("joined", std::span<const ByteView>(parts)).ok());
  EXPECT_EQ(ToString(*storage_->Get("joined", kAnySize)), "abc");
}

TEST_P(StorageContract, ThousandsOfPartsAreJoined) {
  Bytes content = Pattern(7, 20'000);
  std::vector<ByteView> parts;
  for (size_t at = 0; at < content.size();) {
    size_t size = std::min(parts.size() % 7, content.size() - at);
    parts.push_back(ByteView(content).subspan(at, size));
    at += size;
  }
  ASSERT_GT(parts.size(), 5000u);
  ASSERT_TRUE(storage_->PutIfAbsent("many", std::span<const ByteView>(parts)).ok());
  EXPECT_EQ(*storage_->Get("many", kAnySize), content);
}

TEST_P(StorageContract, AnObjectMayBeEmpty) {
  ASSERT_TRUE(storage_->PutIfAbsent("none", std::span<const ByteView>()).ok());
  ByteView parts[] = {ByteView(), ByteView()};
  ASSERT_TRUE(storage_->PutIfAbsent("empty", std::span<const ByteView>(parts)).ok());
  for (const char* name : {"none", "empty"}) {
    Result<Bytes> content = storage_->Get(name, 0);
    ASSERT_TRUE(content.ok()) << content.error().message;
    EXPECT_TRUE(content->empty());
    EXPECT_EQ(storage_->Stat(name)->size_bytes, 0u);
    EXPECT_TRUE(GetRange(*storage_, name, 0, 0).ok());
    EXPECT_EQ(GetRange(*storage_, name, 0, 1).code(), Code::kDamaged);
  }
  EXPECT_EQ(NamesOf(*storage_->List("")), (Names{"empty", "none"}));
  EXPECT_EQ(storage_->PutIfAbsent("empty", AsBytes("x")).code(), Code::kAlreadyExists);
}

TEST_P(StorageContract, ALargeObjectComesBackWhole) {
  Bytes content = Pattern(1, size_t{20} * 1024 * 1024 + 13);
  ByteView view(content);
  ByteView parts[] = {view.first(5), view.subspan(5, 15'000'000), view.subspan(15'000'005)};
  ASSERT_TRUE(storage_->PutIfAbsent("packs/00/large", std::span<const ByteView>(parts)).ok());
  Result<Bytes> whole = storage_->Get("packs/00/large", content.size());
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_TRUE(*whole == content);
  Result<Bytes> range = GetRange(*storage_, "packs/00/large", 14'999'999, 100'000);
  ASSERT_TRUE(range.ok()) << range.error().message;
  EXPECT_TRUE(std::ranges::equal(*range, view.subspan(14'999'999, 100'000)));
}

TEST_P(StorageContract, GetRefusesMoreThanItsBound) {
  ASSERT_TRUE(storage_->PutIfAbsent("a", AsBytes("12345")).ok());
  EXPECT_TRUE(storage_->Get("a", 5).ok());
  EXPECT_EQ(storage_->Get("a", 4).code(), Code::kDamaged);
  EXPECT_EQ(storage_->Get("a", 0).code(), Code::kDamaged);
}

TEST_P(StorageContract, RangesAreExactAndBounded) {
  ASSERT_TRUE(storage_->PutIfAbsent("a", AsBytes("0123456789")).ok());
  EXPECT_EQ(ToString(*GetRange(*storage_, "a", 0, 10)), "0123456789");
  EXPECT_EQ(ToString(*GetRange(*storage_, "a", 3, 4)), "3456");
  EXPECT_EQ(ToString(*GetRange(*storage_, "a", 9, 1)), "9");
  for (uint64_t offset : {0, 5, 10}) {
    Result<Bytes> nothing = GetRange(*storage_, "a", offset, 0);
    ASSERT_TRUE(nothing.ok()) << nothing.error().message;
    EXPECT_TRUE(nothing->empty());
  }
  EXPECT_EQ(GetRange(*storage_, "a", 0, 11).code(), Code::kDamaged);
  EXPECT_EQ(GetRange(*storage_, "a", 9, 2).code(), Code::kDamaged);
  EXPECT_EQ(GetRange(*storage_, "a", 10, 1).code(), Code::kDamaged);
  EXPECT_EQ(GetRange(*storage_, "a", 11, 0).code(), Code::kDamaged);
}

TEST_P(StorageContract, RangesWhoseEndOverflowsAreRefused) {
  ASSERT_TRUE(storage_->PutIfAbsent("a", AsBytes("0123456789")).ok());
  EXPECT_EQ(GetRange(*storage_, "a", kFarAway, 1).code(), Code::kDamaged);
  EXPECT_EQ(GetRange(*storage_, "a", kFarAway - 1, 5).code(), Code::kDamaged);
  EXPECT_EQ(GetRange(*storage_, "a", uint64_t{1} << 63, 1).code(), Code::kDamaged);
}

TEST_P(StorageContract, WhatIsAbsentIsNotFound) {
  ASSERT_TRUE(storage_->PutIfAbsent("d/present", AsBytes("x")).ok());
  for (const char* name : {"absent", "d/absent", "e/f/absent", "d/present2", "d/presen", "d"}) {
    EXPECT_EQ(storage_->Get(name, kAnySize).code(), Code::kNotFound) << name;
    EXPECT_EQ(GetRange(*storage_, name, 0, 0).code(), Code::kNotFound) << name;
    EXPECT_EQ(GetRange(*storage_, name, 0, 1).code(), Code::kNotFound) << name;
    EXPECT_EQ(storage_->Stat(name).code(), Code::kNotFound) << name;
  }
  // Below an object there is nothing.
  EXPECT_EQ(storage_->Get("d/present/x", kAnySize).code(), Code::kNotFound);
}

TEST_P(StorageContract, ListingAnAbsentDirectoryIsEmpty) {
  for (const char* directory : {"", "absent", "a/b/c"}) {
    Result<Listing> listing = storage_->List(directory);
    ASSERT_TRUE(listing.ok()) << listing.error().message;
    EXPECT_TRUE(listing->objects.empty());
    EXPECT_TRUE(listing->directories.empty());
  }
  ASSERT_TRUE(storage_->PutIfAbsent("a", AsBytes("an object is no directory")).ok());
  EXPECT_TRUE(storage_->List("a")->objects.empty());
}

TEST_P(StorageContract, AListHasWhatLiesDirectlyInTheDirectorySorted) {
  for (const char* name : {"z", "b", "a-b/1", "a/2", "a/1", "a/10", "a/B", "a/s/x", "a/s/y",
                           "a/r/q/x", "a0/1", "A", "a/s-t", "a/s+t/x", "ab/1"}) {
    ASSERT_TRUE(storage_->PutIfAbsent(name, AsBytes(name)).ok()) << name;
  }
  Listing root = *storage_->List("");
  EXPECT_EQ(NamesOf(root), (Names{"A", "b", "z"}));
  EXPECT_EQ(root.directories, (Names{"a", "a-b", "a0", "ab"}));
  Listing a = *storage_->List("a");
  EXPECT_EQ(NamesOf(a), (Names{"a/1", "a/10", "a/2", "a/B", "a/s-t"}));
  EXPECT_EQ(a.directories, (Names{"a/r", "a/s", "a/s+t"}));
  EXPECT_EQ(NamesOf(*storage_->List("a/s")), (Names{"a/s/x", "a/s/y"}));
  for (const ObjectInfo& object : a.objects) EXPECT_EQ(object.size_bytes, object.name.size());
}

// Object stores answer a list in pages of 1,000.
TEST_P(StorageContract, AListHasAllOfMoreThanAThousand) {
  constexpr int kThreads = 12;
  constexpr int kNames = 1008;
  auto name = [](int i) { return "many/" + std::to_string(1000 + i); };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = thread; i < kNames; i += kThreads) {
        EXPECT_TRUE(storage_->PutIfAbsent(name(i), AsBytes("x")).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Names names;
  for (int i = 0; i < kNames; ++i) names.push_back(name(i));
  EXPECT_EQ(NamesOf(*storage_->List("many")), names);
}

TEST_P(StorageContract, StoredAtStaysAndFollowsTheOrderOfPuts) {
  ASSERT_TRUE(storage_->PutIfAbsent("t/1", AsBytes("x")).ok());
  ASSERT_TRUE(storage_->PutIfAbsent("t/2", AsBytes("x")).ok());
  Timestamp first = storage_->Stat("t/1")->stored_at;
  Timestamp second = storage_->Stat("t/2")->stored_at;
  EXPECT_LE(first, second);
  EXPECT_GT(first, Timestamp::FromUnixSeconds(1'600'000'000));
  EXPECT_FALSE(storage_->PutIfAbsent("t/1", AsBytes("y")).ok());
  EXPECT_TRUE(storage_->Get("t/1", kAnySize).ok());
  EXPECT_EQ(storage_->Stat("t/1")->stored_at, first);
  Listing listing = *storage_->List("t");
  ASSERT_EQ(listing.objects.size(), 2u);
  EXPECT_EQ(listing.objects[0].stored_at, first);
  EXPECT_EQ(listing.objects[1].stored_at, second);
}

TEST_P(StorageContract, ADeletedObjectIsGoneAndItsNameFree) {
  ASSERT_TRUE(storage_->PutIfAbsent("d/a", AsBytes("one")).ok());
  ASSERT_TRUE(storage_->PutIfAbsent("d/b", AsBytes("kept")).ok());
  ASSERT_TRUE(storage_->Delete("d/a").ok());
  EXPECT_EQ(storage_->Get("d/a", kAnySize).code(), Code::kNotFound);
  EXPECT_EQ(storage_->Stat("d/a").code(), Code::kNotFound);
  EXPECT_EQ(NamesOf(*storage_->List("d")), Names{"d/b"});
  ASSERT_TRUE(storage_->PutIfAbsent("d/a", AsBytes("two")).ok());
  EXPECT_EQ(ToString(*storage_->Get("d/a", kAnySize)), "two");
}

TEST_P(StorageContract, DeletingWhatIsAbsentIsOk) {
  ASSERT_TRUE(storage_->PutIfAbsent("d/a", AsBytes("x")).ok());
  for (const char* name : {"absent", "d/absent", "e/f/absent", "d", "d/a/x"}) {
    EXPECT_TRUE(storage_->Delete(name).ok()) << name;
  }
  EXPECT_EQ(NamesOf(*storage_->List("d")), Names{"d/a"});
  EXPECT_TRUE(storage_->Delete("d/a").ok());
  EXPECT_TRUE(storage_->Delete("d/a").ok());
}

TEST_P(StorageContract, InvalidNamesAreRefusedByEveryMethod) {
  const std::string names[] = {"..",
                               "../x",
                               "a/../b",
                               "a/..",
                               "/a",
                               "a/",
                               "a//b",
                               ".hidden",
                               "a/.tmp",
                               "-a",
                               "a/-b",
                               "a b",
                               "a\nb",
                               "\xc3\xa4",
                               "a:b",
                               std::string("a\0b", 3),
                               "a\\b",
                               "a*",
                               "lost+found",
                               "lost+found/a",
                               "a/./b",
                               "~",
                               std::string(201, 'a')};
  for (const std::string& name : names) {
    EXPECT_EQ(storage_->PutIfAbsent(name, AsBytes("x")).code(), Code::kRefused) << name;
    EXPECT_EQ(storage_->Get(name, kAnySize).code(), Code::kRefused) << name;
    EXPECT_EQ(GetRange(*storage_, name, 0, 0).code(), Code::kRefused) << name;
    EXPECT_EQ(storage_->Stat(name).code(), Code::kRefused) << name;
    EXPECT_EQ(storage_->List(name).code(), Code::kRefused) << name;
    EXPECT_EQ(storage_->Delete(name).code(), Code::kRefused) << name;
  }
  EXPECT_EQ(storage_->PutIfAbsent("", AsBytes("x")).code(), Code::kRefused);
  EXPECT_EQ(storage_->Get("", kAnySize).code(), Code::kRefused);
  EXPECT_EQ(storage_->Delete("").code(), Code::kRefused);
  EXPECT_TRUE(storage_->List("")->objects.empty());
  EXPECT_TRUE(storage_->List("")->directories.empty());
}

TEST_P(StorageContract, TheLongestNamesWork) {
  std::string component = "a._@+-Z9" + std::string(192, 'x');
  std::string name = component;
  for (int i = 0; i < 3; ++i) name += "/" + component;
  ASSERT_TRUE(storage_->PutIfAbsent(name, AsBytes("x")).ok());
  EXPECT_EQ(ToString(*storage_->Get(name, 1)), "x");
  EXPECT_EQ(storage_->List(name.substr(0, name.rfind('/')))->objects.at(0).name, name);
  EXPECT_EQ(storage_->PutIfAbsent(name + "/" + component, AsBytes("x")).code(), Code::kRefused);
}

TEST_P(StorageContract, OfManyWritersOfOneNameExactlyOneWins) {
  constexpr size_t kWriters = 8;
  for (int round = 0; round < 10; ++round) {
    std::string name = "race/" + std::to_string(round) + "/object";
    std::vector<Bytes> contents;
    for (size_t i = 0; i < kWriters; ++i) contents.push_back(Pattern(i, 100'000 + i * 10'000));
    std::vector<Status> answers(kWriters);
    std::atomic<size_t> ready = 0;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        ++ready;
        while (ready < kWriters) std::this_thread::yield();
        answers[i] = storage_->PutIfAbsent(name, contents[i]);
        // Whoever lost sees the whole object at once.
        EXPECT_EQ(storage_->Get(name, kAnySize)->size() % 10'000, 0u);
      });
    }
    for (std::thread& thread : threads) thread.join();
    size_t winners = 0;
    for (size_t i = 0; i < kWriters; ++i) {
      if (answers[i].ok()) {
        ++winners;
        EXPECT_TRUE(*storage_->Get(name, kAnySize) == contents[i]);
      } else {
        EXPECT_EQ(answers[i].code(), Code::kAlreadyExists) << answers[i].error().message;
      }
    }
    EXPECT_EQ(winners, 1u);
  }
}

TEST_P(StorageContract, WhilePutsRunAListShowsOnlyWholeObjects) {
  constexpr size_t kSize = 300'000;
  std::atomic<int> writing = 3;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 3; ++writer) {
    threads.emplace_back([&, writer] {
      Bytes content = Pattern(static_cast<uint64_t>(writer), kSize);
      for (int i = 0; i < 20; ++i) {
        std::string name = "busy/" + std::to_string(writer) + "-" + std::to_string(i);
        EXPECT_TRUE(storage_->PutIfAbsent(name, content).ok());
      }
      --writing;
    });
  }
  std::set<std::string> seen;
  bool last = false;
  while (!last) {
    last = writing == 0;
    Result<Listing> listing = storage_->List("busy");
    EXPECT_TRUE(listing.ok());
    if (!listing.ok()) break;
    std::set<std::string> now;
    for (const ObjectInfo& object : listing->objects) {
      EXPECT_EQ(object.size_bytes, kSize) << object.name;
      now.insert(object.name);
    }
    EXPECT_TRUE(std::ranges::includes(now, seen));
    EXPECT_TRUE(listing->directories.empty());
    seen = std::move(now);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 60u);
}

TEST_P(StorageContract, ManyThreadsUseItAtOnce) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 15; ++i) {
        std::string own = "t" + std::to_string(thread) + "/" + std::to_string(i);
        EXPECT_TRUE(storage_->PutIfAbsent(own, AsBytes(own)).ok());
        Status shared = storage_->PutIfAbsent("shared/" + std::to_string(i), AsBytes("same"));
        EXPECT_TRUE(shared.ok() || shared.code() == Code::kAlreadyExists);
        EXPECT_EQ(ToString(*storage_->Get(own, kAnySize)), own);
        Result<Bytes> read = GetRange(*storage_, "shared/" + std::to_string(i), 1, 2);
        if (read.ok()) {
          EXPECT_EQ(ToString(*read), "am");
        } else {
          EXPECT_EQ(read.code(), Code::kNotFound) << read.error().message;
        }
        EXPECT_TRUE(storage_->List("shared").ok());
        EXPECT_TRUE(storage_->Delete("shared/" + std::to_string(i)).ok());
        EXPECT_EQ(storage_->Stat(own)->size_bytes, own.size());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(storage_->List("shared")->objects.empty());
}

TEST_P(StorageContract, ItDescribesItself) { EXPECT_FALSE(storage_->Describe().empty()); }

}  // namespace
}  // namespace pgcairn::storage
