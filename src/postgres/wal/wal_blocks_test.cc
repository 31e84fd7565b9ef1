#include "postgres/wal/wal_blocks.h"

#include <gtest/gtest.h>

#include "postgres/wal/testing/wal_builder.h"

namespace pgcairn::postgres {
namespace {

constexpr RelationId kRelation{1663, 5, 16384};

struct BlockToWrite {
  uint8_t flags = 0;  // with the fork
  RelationId relation = kRelation;
  uint32_t block = 0;
  uint8_t image = 0;  // bimg_info, with flag 0x10
  uint16_t image_bytes = 0;
  uint16_t data_bytes = 0;
};

// A whole record without main data, unless there is some.
Bytes RecordOf(const std::vector<BlockToWrite>& blocks, ByteView main = {}) {
  Bytes body(kWalRecordHeaderBytes);
  size_t bytes = 0;
  uint8_t id = 0;
  for (const BlockToWrite& block : blocks) {
    AppendLe(body, id++);
    AppendLe(body, block.flags);
    AppendLe(body, block.data_bytes);
    bytes += block.data_bytes + block.image_bytes;
    if ((block.flags & 0x10) != 0) {
      AppendLe(body, block.image_bytes);
      AppendLe(body, uint16_t{0});
      AppendLe(body, block.image);
    }
    if ((block.flags & 0x80) == 0) {
      AppendLe(body, block.relation.tablespace);
      AppendLe(body, block.relation.database);
      AppendLe(body, block.relation.relfilenode);
    }
    AppendLe(body, block.block);
  }
  if (!main.empty()) {
    AppendLe(body, uint8_t{255});
    AppendLe(body, static_cast<uint8_t>(main.size()));
  }
  body.resize(body.size() + bytes, 0xEE);
  Append(body, main);
  return body;
}

WalRecord Header(uint8_t resource_manager, uint8_t info) {
  return {.start = Lsn{0x3000028},
          .end = Lsn{0x3000100},
          .info = info,
          .resource_manager = resource_manager};
}

WalDemand MustRead(const WalRecord& record, const Bytes& body, int major) {
  Result<WalDemand> demand = ReadWalDemand(record, body, major);
  EXPECT_TRUE(demand.ok());
  return demand.ok() ? *demand : WalDemand();
}

TEST(WalBlocks, AChangeNeedsThePageAndAnImageOrAnEmptyPageDoesNot) {
  for (int major : {13, 14, 15, 18}) {
    const uint8_t applies = major >= 15 ? 0x02 : 0x04;
    const Bytes body = RecordOf({{.flags = 0x20, .block = 7, .data_bytes = 3},
                                 {.flags = 0x90, .block = 8, .image = applies, .image_bytes = 90},
                                 {.flags = 0x90, .block = 9, .image = 0, .image_bytes = 90},
                                 {.flags = 0xC2, .block = 10}},
                                AsBytes(std::string_view("main")));
    const WalDemand demand = MustRead(Header(10, 0), body, major);
    ASSERT_EQ(demand.blocks.size(), 4u) << major;
    for (const WalBlock& block : demand.blocks) EXPECT_EQ(block.relation, kRelation) << "the same";
    EXPECT_FALSE(demand.blocks[0].replaced);
    EXPECT_EQ(demand.blocks[0].block, 7u);
    EXPECT_TRUE(demand.blocks[1].replaced);
    EXPECT_FALSE(demand.blocks[2].replaced) << "an image that is there to be compared with";
    EXPECT_TRUE(demand.blocks[3].replaced);
    EXPECT_EQ(demand.blocks[3].fork, 2);
  }
}

// With a hole in a compressed image two bytes more follow, and the flags moved with version 15.
TEST(WalBlocks, HolesOfCompressedImagesAreSkipped) {
  for (int major : {14, 15}) {
    const uint8_t image = major >= 15 ? 0x01 | 0x02 | 0x08 : 0x01 | 0x02 | 0x04;
    Bytes body = RecordOf({{.flags = 0x10, .block = 8, .image = image, .image_bytes = 0}});
    // Behind id, flags, data length, image length, offset and flags of the image.
    body.insert(body.begin() + kWalRecordHeaderBytes + 9, 2, 0);
    const WalDemand demand = MustRead(Header(0, 0xB0), body, major);
    ASSERT_EQ(demand.blocks.size(), 1u);
    EXPECT_EQ(demand.blocks[0].relation, kRelation);
    EXPECT_TRUE(demand.blocks[0].replaced);
  }
}

TEST(WalBlocks, ACopyOfADatabaseSaysFromWhich) {
  Bytes main;
  for (uint32_t value : {20000U, 1663U, 5U, 1663U}) AppendLe(main, value);
  const WalDemand demand = MustRead(Header(4, 0x00), RecordOf({}, main), 17);
  ASSERT_TRUE(demand.copy.has_value());
  EXPECT_EQ(demand.copy->to, 20000u);
  EXPECT_EQ(demand.copy->from, 5u);
  EXPECT_FALSE(MustRead(Header(4, 0x10), RecordOf({}, main), 17).copy.has_value());
  EXPECT_FALSE(ReadWalDemand(Header(4, 0x00), RecordOf({}, ByteView(main).first(8)), 17).ok());
}

TEST(WalBlocks, CheckpointsAndChangesSayWhetherPagesAreLoggedWhole) {
  for (uint8_t on : Bytes{0, 1}) {
    Bytes checkpoint(88);
    checkpoint[16] = on;
    for (uint8_t info : Bytes{0x00, 0x10}) {
      const WalDemand demand = MustRead(Header(0, info), RecordOf({}, checkpoint), 15);
      EXPECT_EQ(demand.full_page_writes, std::optional<bool>(on == 1));
    }
    const WalDemand change = MustRead(Header(0, 0x80), RecordOf({}, Bytes{on}), 15);
    EXPECT_EQ(change.full_page_writes, std::optional<bool>(on == 1));
  }
  EXPECT_FALSE(MustRead(Header(0, 0x30), RecordOf({}, Bytes(4)), 15).full_page_writes.has_value());
}

TEST(WalBlocks, ExtensionsAreTold) {
  EXPECT_TRUE(MustRead(Header(128, 0), RecordOf({}, Bytes(4)), 15).by_extension);
  EXPECT_FALSE(MustRead(Header(21, 0), RecordOf({}, Bytes(4)), 15).by_extension);
}

TEST(WalBlocks, PartsThatDoNotAddUpAreUnsupported) {
  Bytes body = RecordOf({{.flags = 0x20, .block = 7, .data_bytes = 3}});
  EXPECT_TRUE(ReadWalDemand(Header(10, 0), body, 15).ok());
  body.pop_back();
  EXPECT_EQ(ReadWalDemand(Header(10, 0), body, 15).code(), Code::kUnsupported);
  body.resize(kWalRecordHeaderBytes + 2);
  EXPECT_EQ(ReadWalDemand(Header(10, 0), body, 15).code(), Code::kUnsupported);
}

}  // namespace
}  // namespace pgcairn::postgres
