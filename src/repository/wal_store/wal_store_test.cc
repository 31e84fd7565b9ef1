#include "repository/wal_store/wal_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "repository/testing/memory_cluster.h"

namespace pgcairn::repository {
namespace {

constexpr uint64_t kSystem = 0x1122334455667788;
constexpr char kSegment[] = "000000010000000000000003";

class WalStoreTest : public ::testing::Test {
 protected:
  Result<PushOutcome> Push(std::string_view name, ByteView file) {
    format::WalInfo info;
    info.set_major_version(15);
    info.mutable_summary()->set_transaction_end_count(77);
    return wal_.Push(
        name, {file, file.size()}, [&] { return info; }, 1);
  }
  std::string ObjectOf(std::string_view name) const {
    return cluster_.access->names.WalFile(kSystem, name);
  }

  MemoryCluster cluster_ = MakeMemoryCluster();
  WalStore wal_{*cluster_.access, kSystem};
};

// A segment as a quiet server leaves it: some records, then zeros.
Bytes SegmentContent(size_t size, uint64_t seed) {
  Bytes file = RandomContent(size / 3, seed);
  file.resize(size);
  return file;
}

TEST_F(WalStoreTest, AFileComesBackByteForByte) {
  for (size_t size : {0u, 1u, 100u, 1'048'576u, 1'048'577u, 16'777'216u, 3'145'728u}) {
    std::string name = "0000000100000000000000" + ToHex(Bytes{static_cast<uint8_t>(size % 251)});
    Bytes file = SegmentContent(size, size);
    Result<PushOutcome> pushed = Push(name, file);
    ASSERT_TRUE(pushed.ok()) << pushed.error().message;
    EXPECT_EQ(*pushed, PushOutcome::kStored);
    Result<WalFile> fetched = wal_.Fetch(name);
    ASSERT_TRUE(fetched.ok()) << fetched.error().message;
    EXPECT_EQ(fetched->bytes, file);
    EXPECT_EQ(fetched->info.name(), name);
    EXPECT_EQ(fetched->info.raw_size(), size);
    EXPECT_EQ(fetched->identity, wal_.IdentityOf(name, file));
    Result<ContentIdentity> proven = wal_.Prove(name);
    ASSERT_TRUE(proven.ok()) << proven.error().message;
    EXPECT_EQ(*proven, fetched->identity);
  }
}

TEST_F(WalStoreTest, ManyThreadsPushAndFetchByOneStoreAtOnce) {
  constexpr uint8_t kThreads = 4;
  const WalStore several(*cluster_.access, kSystem, 2);
  std::atomic<int> stored_first{0};
  auto name_of = [](uint8_t number) { return "0000000100000000000000" + ToHex(Bytes{number}); };
  auto push = [&](std::string_view name, ByteView file) {
    Result<PushOutcome> pushed = several.Push(
        name, {file, file.size()}, [] { return format::WalInfo(); }, 1);
    EXPECT_TRUE(pushed.ok()) << pushed.error().message;
    if (pushed.ok() && *pushed == PushOutcome::kStored) ++stored_first;
  };
  std::vector<std::thread> threads;
  for (uint8_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint8_t i = 0; i < 5; ++i) {
        uint8_t number = static_cast<uint8_t>(16 * (thread + 1) + i);
        Bytes file = SegmentContent((2 << 20) + 5, number);
        push(name_of(number), file);
        push(kSegment, SegmentContent(3 << 20, 99));  // all have the same one
        Result<WalFile> fetched = several.Fetch(name_of(number));
        EXPECT_TRUE(fetched.ok() && fetched->bytes == file);
        EXPECT_TRUE(several.ListSegments().ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored_first, kThreads * 5 + 1);
  EXPECT_EQ(several.ListSegments()->size(), size_t{kThreads * 5 + 1});
}

// A restore point has the encoding of the database in which it was made.
TEST_F(WalStoreTest, ASegmentWithAPointOfAnyNameComesBack) {
  const std::string name = "000000010000000000000001";
  format::WalInfo info;
  info.mutable_summary()->add_named_points()->set_name("vor M\xe4rz \xff");
  ASSERT_TRUE(wal_.Push(
                      name, {AsBytes("x"), 1}, [&] { return info; }, 1)
                  .ok());
  Result<WalFile> file = wal_.Fetch(name);
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->info.summary().named_points(0).name(), "vor M\xe4rz \xff");
}

TEST_F(WalStoreTest, ZerosAtTheEndTakeNoRoomAndComeBack) {
  Bytes file = RandomContent(10, 1);
  file.back() = 1;
  ASSERT_TRUE(Push(kSegment, file).ok());
  const size_t without = Content(*cluster_.storage, ObjectOf(kSegment)).size();
  file.resize(5'000'000);
  const std::string longer = "000000010000000000000004";
  ASSERT_TRUE(Push(longer, file).ok());
  EXPECT_LT(Content(*cluster_.storage, ObjectOf(longer)).size(), without + 10);
  Result<WalFile> fetched = wal_.Fetch(longer);
  ASSERT_TRUE(fetched.ok()) << fetched.error().message;
  EXPECT_EQ(fetched->bytes, file);
  EXPECT_EQ(fetched->identity, *wal_.ReadIdentity(longer));
}

TEST_F(WalStoreTest, NothingIsStoredOfAFileThatCannotBeDescribed) {
  auto describe = []() -> Result<format::WalInfo> {
    return Error{Code::kRefused, "of another cluster", ""};
  };
  Bytes file = SegmentContent(3'000'000, 1);
  EXPECT_EQ(wal_.Push(kSegment, {file, file.size()}, describe, 1).code(), Code::kRefused);
  EXPECT_EQ(wal_.ReadIdentity(kSegment).code(), Code::kNotFound);
}

TEST_F(WalStoreTest, WhatIsKnownOfAFileIsReadWithoutItsBytes) {
  Bytes file = SegmentContent(1 << 20, 1);
  ASSERT_TRUE(Push(kSegment, file).ok());
  Result<format::WalInfo> info = wal_.ReadInfo(kSegment);
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->name(), kSegment);
  EXPECT_EQ(info->major_version(), 15u);
  EXPECT_EQ(info->system_identifier(), kSystem);
  EXPECT_EQ(info->summary().transaction_end_count(), 77u);
  EXPECT_EQ(*wal_.ReadIdentity(kSegment), wal_.IdentityOf(kSegment, file));
  EXPECT_NE(wal_.IdentityOf(kSegment, file), wal_.IdentityOf("000000010000000000000004", file));
}

TEST_F(WalStoreTest, TheSameBytesAgainAreFineAndOthersAreRefused) {
  Bytes file = SegmentContent(100'000, 1);
  ASSERT_TRUE(Push(kSegment, file).ok());
  Bytes stored = Content(*cluster_.storage, ObjectOf(kSegment));
  EXPECT_EQ(*Push(kSegment, file), PushOutcome::kAlreadyStored);
  file.back() ^= 1;
  Result<PushOutcome> other = Push(kSegment, file);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.code(), Code::kRefused);
  EXPECT_NE(other.error().message.find(kSegment), std::string::npos);
  EXPECT_EQ(Content(*cluster_.storage, ObjectOf(kSegment)), stored);
}

TEST_F(WalStoreTest, AnAbsentFileIsNotFound) {
  EXPECT_EQ(wal_.Fetch(kSegment).code(), Code::kNotFound);
  EXPECT_EQ(wal_.Prove(kSegment).code(), Code::kNotFound);
  EXPECT_EQ(wal_.ReadInfo(kSegment).code(), Code::kNotFound);
  EXPECT_EQ(wal_.ReadIdentity(kSegment).code(), Code::kNotFound);
}

TEST_F(WalStoreTest, NoChangedByteEverYieldsAFile) {
  Bytes file = SegmentContent(600, 1);
  ASSERT_TRUE(Push(kSegment, file).ok());
  const Bytes whole = Content(*cluster_.storage, ObjectOf(kSegment));
  for (size_t at = 0; at < whole.size(); ++at) {
    for (uint8_t mask : Bytes{0x01, 0x80}) {
      Bytes changed = whole;
      changed[at] ^= mask;
      Replace(*cluster_.storage, ObjectOf(kSegment), changed);
      Result<WalFile> fetched = wal_.Fetch(kSegment);
      ASSERT_FALSE(fetched.ok()) << at;
      EXPECT_NE(fetched.code(), Code::kNotFound) << "damage is never taken for the end of WAL";
      EXPECT_EQ(wal_.Prove(kSegment).code(), fetched.code()) << at;
    }
  }
}

TEST_F(WalStoreTest, CutAnywhereOrLongerIsAnErrorButNeverAbsence) {
  Bytes file = SegmentContent(600, 1);
  ASSERT_TRUE(Push(kSegment, file).ok());
  Bytes whole = Content(*cluster_.storage, ObjectOf(kSegment));
  for (size_t size = 0; size < whole.size(); ++size) {
    Replace(*cluster_.storage, ObjectOf(kSegment), ByteView(whole).first(size));
    Result<WalFile> fetched = wal_.Fetch(kSegment);
    ASSERT_FALSE(fetched.ok()) << size;
    EXPECT_EQ(fetched.code(), Code::kDamaged);
    Result<format::WalInfo> info = wal_.ReadInfo(kSegment);
    if (!info.ok()) {
      EXPECT_EQ(info.code(), Code::kDamaged);
    }
  }
  whole.push_back(0);
  Replace(*cluster_.storage, ObjectOf(kSegment), whole);
  EXPECT_EQ(wal_.Fetch(kSegment).code(), Code::kDamaged);
}

TEST_F(WalStoreTest, ASegmentUnderAnotherNameIsDamaged) {
  ASSERT_TRUE(Push(kSegment, SegmentContent(600, 1)).ok());
  const std::string other = "000000010000000000000004";
  ASSERT_TRUE(
      cluster_.storage->PutIfAbsent(ObjectOf(other), Content(*cluster_.storage, ObjectOf(kSegment)))
          .ok());
  EXPECT_EQ(wal_.Fetch(other).code(), Code::kDamaged);
  EXPECT_EQ(wal_.ReadInfo(other).code(), Code::kDamaged);
}

TEST_F(WalStoreTest, HistoriesAndPartialSegmentsHaveTheirPlaces) {
  const Bytes text = ToBytes(AsBytes("1\t0/3000000\tno recovery target specified\n"));
  for (const char* name :
       {"000000020000000100000002", "000000010000000000000003", "000000020000000100000003.partial",
        "000000010000000000000003.00000028.backup", "00000003.history", "00000002.history"}) {
    ASSERT_TRUE(Push(name, text).ok());
    EXPECT_EQ(wal_.Fetch(name)->bytes, text);
  }
  EXPECT_EQ(*wal_.ListSegments(),
            (std::vector<std::string>{"000000010000000000000003", "000000020000000100000002"}));
  EXPECT_EQ(*wal_.ListHistories(),
            (std::vector<std::string>{"00000002.history", "00000003.history"}));
  EXPECT_TRUE(cluster_.storage
                  ->Stat("clusters/main/wal/1122334455667788/0000000200000001/"
                         "000000020000000100000003.partial")
                  .ok());
  EXPECT_TRUE(
      cluster_.storage->Stat("clusters/main/wal/1122334455667788/history/00000002.history").ok());
}

TEST_F(WalStoreTest, AnotherSystemsArchiveIsApart) {
  ASSERT_TRUE(Push(kSegment, SegmentContent(600, 1)).ok());
  WalStore other(*cluster_.access, kSystem + 1);
  EXPECT_EQ(other.Fetch(kSegment).code(), Code::kNotFound);
  EXPECT_TRUE(other.ListSegments()->empty());
  EXPECT_TRUE(other.ListHistories()->empty());
}

}  // namespace
}  // namespace pgcairn::repository
