#include "postgres/wal/wal_blocks.h"

#include <fmt/format.h>

namespace pgcairn::postgres {
namespace {

// XLR_BLOCK_ID_*.
constexpr uint8_t kBlockIdMax = 32;
constexpr uint8_t kTopLevelXidId = 252;
constexpr uint8_t kOriginId = 253;
constexpr uint8_t kLongDataId = 254;
constexpr uint8_t kShortDataId = 255;

// BKPBLOCK_*.
constexpr uint8_t kForkMask = 0x0F;
constexpr uint8_t kHasImage = 0x10;
constexpr uint8_t kWillInit = 0x40;
constexpr uint8_t kSameRelation = 0x80;

// Resource managers and their operations.
constexpr uint8_t kLogRecords = 0;
constexpr uint8_t kDatabaseRecords = 4;
constexpr uint8_t kFirstOfExtensions = 128;
constexpr uint8_t kShutdownCheckpoint = 0x00;
constexpr uint8_t kOnlineCheckpoint = 0x10;
constexpr uint8_t kFullPageWritesChange = 0x80;
constexpr uint8_t kCopyOfDatabase = 0x00;

// In a CheckPoint.
constexpr size_t kFullPageWritesAt = 16;

// The description of one block, after its id. Adds to `block_bytes` what the block takes up before
// the main data; `relation` is that of the block before.
WalBlock ReadBlockHeader(ByteReader& reader, int major_version, RelationId& relation,
                         size_t& block_bytes) {
  constexpr uint8_t kImageHasHole = 0x01;
  // Version 15 renumbered these flags when it brought LZ4 and zstd.
  const uint8_t image_compressed = major_version >= 15 ? 0x1C : 0x02;
  const uint8_t image_applies = major_version >= 15 ? 0x02 : 0x04;

  WalBlock block;
  auto flags = reader.Le<uint8_t>();
  block.fork = flags & kForkMask;
  block.replaced = (flags & kWillInit) != 0;
  block_bytes += reader.Le<uint16_t>();
  if ((flags & kHasImage) != 0) {
    block_bytes += reader.Le<uint16_t>();
    reader.View(2);  // where the hole begins
    auto image = reader.Le<uint8_t>();
    if ((image & kImageHasHole) != 0 && (image & image_compressed) != 0) reader.View(2);
    // Others are there to be compared with (wal_consistency_checking).
    if ((image & image_applies) != 0) block.replaced = true;
  }
  if ((flags & kSameRelation) == 0) {
    relation.tablespace = reader.Le<uint32_t>();
    relation.database = reader.Le<uint32_t>();
    relation.relfilenode = reader.Le<uint32_t>();
  }
  block.relation = relation;
  block.block = reader.Le<uint32_t>();
  return block;
}

}  // namespace

std::optional<ByteView> ParseWalRecord(ByteView body, int major_version,
                                       std::vector<WalBlock>* blocks) {
  ByteReader reader(body);
  reader.View(kWalRecordHeaderBytes);
  RelationId relation;
  size_t block_bytes = 0;
  while (reader.ok() && reader.left() > block_bytes) {
    auto id = reader.Le<uint8_t>();
    if (id == kShortDataId || id == kLongDataId) {
      size_t size = id == kShortDataId ? reader.Le<uint8_t>() : reader.Le<uint32_t>();
      if (!reader.ok() || reader.left() != block_bytes + size) return std::nullopt;
      return body.last(size);
    }
    if (id == kOriginId) {
      reader.View(2);
    } else if (id == kTopLevelXidId) {
      reader.View(4);
    } else if (id <= kBlockIdMax) {
      const WalBlock block = ReadBlockHeader(reader, major_version, relation, block_bytes);
      if (blocks != nullptr && reader.ok()) blocks->push_back(block);
    } else {
      return std::nullopt;
    }
  }
  // Without main data the blocks' bytes are the last part.
  if (!reader.ok() || reader.left() != block_bytes) return std::nullopt;
  return ByteView();
}

Result<WalDemand> ReadWalDemand(const WalRecord& record, ByteView body, int major_version) {
  const Error unknown{Code::kUnsupported,
                      fmt::format("the record at {} has a right checksum but a form that is not "
                                  "known",
                                  record.start.ToText()),
                      "the log may come from a modified PostgreSQL; please report its exact "
                      "version"};
  WalDemand demand;
  demand.by_extension = record.resource_manager >= kFirstOfExtensions;
  // A switch has no parts at all.
  if (IsSegmentSwitch(record)) return demand;
  const std::optional<ByteView> data = ParseWalRecord(body, major_version, &demand.blocks);
  if (!data) return unknown;
  const auto operation = static_cast<uint8_t>(record.info & 0xF0);
  ByteReader reader(*data);
  if (record.resource_manager == kDatabaseRecords && operation == kCopyOfDatabase) {
    DatabaseCopy copy;
    copy.to = reader.Le<uint32_t>();
    reader.View(4);  // to which tablespace
    copy.from = reader.Le<uint32_t>();
    demand.copy = copy;
  } else if (record.resource_manager == kLogRecords &&
             (operation == kShutdownCheckpoint || operation == kOnlineCheckpoint)) {
    reader.View(kFullPageWritesAt);
    demand.full_page_writes = reader.Le<uint8_t>() != 0;
  } else if (record.resource_manager == kLogRecords && operation == kFullPageWritesChange) {
    demand.full_page_writes = reader.Le<uint8_t>() != 0;
  }
  if (!reader.ok()) return unknown;
  return demand;
}

}  // namespace pgcairn::postgres
