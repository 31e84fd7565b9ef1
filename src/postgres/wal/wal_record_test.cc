#include "postgres/wal/wal_record.h"

#include <gtest/gtest.h>

#include "postgres/wal/testing/wal_builder.h"

namespace pgcairn::postgres {
namespace {

using testing::MainDataOnly;

constexpr int kRecordVersions[] = {13, 14, 15, 16, 17, 18};
constexpr int64_t kPostgresEpochUs = 946'684'800'000'000;

struct MadeRecord {
  WalRecord record;
  Bytes body;
};

MadeRecord Make(uint8_t resource_manager, uint8_t info, ByteView rest) {
  MadeRecord made;
  made.body.resize(kWalRecordHeaderBytes);
  Append(made.body, rest);
  made.record = {.start = Lsn{0x3000028},
                 .end = Lsn{0x3000100},
                 .total_bytes = static_cast<uint32_t>(made.body.size()),
                 .xid = 77,
                 .info = info,
                 .resource_manager = resource_manager};
  return made;
}

// The payload of the end of a prepared transaction with every optional part.
Bytes EverythingPrepared(bool is_commit, int major_version, uint32_t xid) {
  auto items = [](Bytes& data, uint32_t count, size_t item_bytes) {
    AppendLe(data, count);
    data.resize(data.size() + count * item_bytes, 0xEE);
  };
  Bytes data;
  AppendLe(data, int64_t{5'000'000});
  AppendLe(data, uint32_t{0xFF | (major_version >= 15 ? 0x100U : 0U)});
  data.resize(data.size() + 8, 0xEE);  // database
  items(data, 3, 4);                   // subtransactions
  items(data, 2, 12);                  // relations
  if (major_version >= 15) items(data, 5, major_version >= 18 ? 16 : 12);
  if (is_commit) items(data, 7, 16);  // invalidations
  AppendLe(data, xid);
  Append(data, AsBytes(std::string_view("name\0", 5)));
  data.resize(data.size() + 16, 0xEE);  // origin
  return data;
}

TEST(TransactionEnd, IsOneOfFourOperations) {
  const std::pair<uint8_t, TransactionEndKind> kKinds[] = {
      {0x00, TransactionEndKind::kCommit},
      {0x20, TransactionEndKind::kAbort},
      {0x30, TransactionEndKind::kCommitPrepared},
      {0x40, TransactionEndKind::kAbortPrepared}};
  Bytes rest = MainDataOnly(EverythingPrepared(true, 15, 9));
  for (auto [info, kind] : kKinds) {
    MadeRecord made = Make(1, static_cast<uint8_t>(info | 0x80), rest);
    ASSERT_TRUE(EndsTransaction(made.record));
    EXPECT_EQ(ReadTransactionEnd(made.record, made.body, 15)->kind, kind);
  }
  for (uint8_t info : Bytes{0x10, 0x50, 0x60, 0x70}) {
    EXPECT_FALSE(EndsTransaction(Make(1, info, {}).record));
  }
  EXPECT_FALSE(EndsTransaction(Make(0, 0x00, {}).record));
}

TEST(TransactionEnd, TimeCountsFrom2000) {
  MadeRecord made = Make(1, 0x00, testing::TimeOnly(1'000'001));
  auto end = ReadTransactionEnd(made.record, made.body, 15);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->time.unix_us, kPostgresEpochUs + 1'000'001);
  EXPECT_EQ(end->xid, 77U);
  EXPECT_EQ(end->start, made.record.start);
  EXPECT_EQ(end->end, made.record.end);
}

TEST(TransactionEnd, OfAPreparedOneHasItsOwnXidInEveryVersion) {
  for (int version : kRecordVersions) {
    for (uint8_t info : Bytes{0x30, 0x40}) {
      Bytes data = EverythingPrepared(info == 0x30, version, 4242);
      MadeRecord made = Make(1, static_cast<uint8_t>(info | 0x80), MainDataOnly(data));
      auto end = ReadTransactionEnd(made.record, made.body, version);
      ASSERT_TRUE(end.ok()) << version;
      EXPECT_EQ(end->xid, 4242U) << version;
      EXPECT_EQ(end->time.unix_us, kPostgresEpochUs + 5'000'000);
    }
  }
}

TEST(TransactionEnd, MainDataIsFoundBehindBlocksOriginAndTopLevelXid) {
  for (int version : kRecordVersions) {
    const uint8_t compressed = version >= 15 ? 0x08 : 0x02;
    Bytes rest;
    Append(rest, Bytes{0, 0x10, 3, 0, 100, 0, 0, 0, 0x01});  // block 0: 3 bytes, image with a hole
    rest.resize(rest.size() + 12 + 4);
    Append(rest, Bytes{1, 0x90, 0, 0, 50, 0, 0, 0});  // block 1: compressed image with a hole
    rest.push_back(static_cast<uint8_t>(0x01 | compressed));
    rest.resize(rest.size() + 2 + 4);
    Append(rest, Bytes{253, 1, 0});
    Append(rest, Bytes{252, 1, 2, 3, 4});  // from 14 on
    Append(rest, Bytes{254, 8, 0, 0, 0});
    rest.resize(rest.size() + 3 + 100 + 50, 0xEE);
    AppendLe(rest, int64_t{123});
    MadeRecord made = Make(1, 0x00, rest);
    auto end = ReadTransactionEnd(made.record, made.body, version);
    ASSERT_TRUE(end.ok()) << version;
    EXPECT_EQ(end->time.unix_us, kPostgresEpochUs + 123) << version;
  }
}

TEST(TransactionEnd, AnUnknownFormIsUnsupported) {
  Bytes no_xid;
  AppendLe(no_xid, int64_t{1});
  AppendLe(no_xid, uint32_t{0});
  Bytes endless;
  AppendLe(endless, int64_t{1});
  AppendLe(endless, uint32_t{0x12});
  AppendLe(endless, uint32_t{0xFFFFFFFF});
  const std::pair<uint8_t, Bytes> kCases[] = {
      {0x00, {}},
      {0x00, {255, 4, 0, 0, 0, 0}},                      // too short for a time
      {0x00, {255, 9, 0, 0, 0, 0, 0, 0, 0, 0}},          // longer than the record
      {0x00, {60, 0, 0, 0}},                             // no such block
      {0x00, {0}},                                       // cut short in a block
      {0x00, {254, 0xFF, 0xFF, 0xFF, 0xFF}},             // far longer than the record
      {0x30, MainDataOnly(Bytes(8))},                    // prepared, nothing optional
      {0xB0, MainDataOnly(no_xid)},                      // prepared, no xid
      {0xB0, MainDataOnly(endless)},                     // more items than there are bytes
      {0xC0, MainDataOnly(ByteView(no_xid).first(10))},  // cut short
  };
  for (const auto& [info, rest] : kCases) {
    MadeRecord made = Make(1, info, rest);
    for (int version : kRecordVersions) {
      auto end = ReadTransactionEnd(made.record, made.body, version);
      ASSERT_FALSE(end.ok());
      EXPECT_EQ(end.code(), Code::kUnsupported);
      EXPECT_NE(end.error().message.find("0/3000028"), std::string::npos);
    }
  }
}

TEST(NamedPoint, HasANameOfUpTo63BytesAndATime) {
  for (size_t length : {size_t{0}, size_t{1}, size_t{63}, size_t{64}}) {
    Bytes data;
    AppendLe(data, int64_t{42});
    data.resize(8 + length, 'n');
    data.resize(8 + 64);
    MadeRecord made = Make(0, 0x70, MainDataOnly(data));
    ASSERT_TRUE(NamesPoint(made.record));
    auto point = ReadNamedPoint(made.record, made.body, 15);
    ASSERT_TRUE(point.ok());
    EXPECT_EQ(point->name, std::string(length, 'n'));
    EXPECT_EQ(point->time.unix_us, kPostgresEpochUs + 42);
    EXPECT_EQ(point->start, made.record.start);
    EXPECT_EQ(point->end, made.record.end);
  }
  EXPECT_FALSE(NamesPoint(Make(0, 0x40, {}).record));
  EXPECT_FALSE(NamesPoint(Make(1, 0x70, {}).record));
  MadeRecord cut = Make(0, 0x70, MainDataOnly(Bytes(71)));
  EXPECT_EQ(ReadNamedPoint(cut.record, cut.body, 15).code(), Code::kUnsupported);
}

}  // namespace
}  // namespace pgcairn::postgres
