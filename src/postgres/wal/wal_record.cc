#include "postgres/wal/wal_record.h"

#include <fmt/format.h>

#include <optional>

#include "postgres/wal/wal_blocks.h"

namespace pgcairn::postgres {
namespace {

constexpr uint8_t kXlogResourceManager = 0;
constexpr uint8_t kTransactionResourceManager = 1;
constexpr uint8_t kTablespaceResourceManager = 5;
constexpr uint8_t kRestorePoint = 0x70;
constexpr uint8_t kTablespaceCreation = 0x00;

// XLOG_XACT_*, in the bits that XLOG_XACT_OPMASK leaves.
constexpr uint8_t kTransactionOperationMask = 0x70;
constexpr uint8_t kHasExtras = 0x80;

// XACT_XINFO_HAS_*.
constexpr uint32_t kHasDatabase = 1U << 0;
constexpr uint32_t kHasSubtransactions = 1U << 1;
constexpr uint32_t kHasRelations = 1U << 2;
constexpr uint32_t kHasInvalidations = 1U << 3;
constexpr uint32_t kHasPreparedXid = 1U << 4;
constexpr uint32_t kHasDroppedStatistics = 1U << 8;

constexpr size_t kRelationIdBytes = 12;
constexpr size_t kPointNameBytes = 64;

// PostgreSQL counts microseconds from 2000-01-01. Unsigned, so that no stored value overflows.
Timestamp FromServerTime(uint64_t since_2000_us) {
  constexpr uint64_t k2000Us = 946'684'800ULL * 1'000'000;
  return {static_cast<int64_t>(since_2000_us + k2000Us)};
}

std::optional<TransactionEndKind> KindOf(uint8_t info) {
  switch (info & kTransactionOperationMask) {
    case 0x00:
      return TransactionEndKind::kCommit;
    case 0x20:
      return TransactionEndKind::kAbort;
    case 0x30:
      return TransactionEndKind::kCommitPrepared;
    case 0x40:
      return TransactionEndKind::kAbortPrepared;
    default:
      return std::nullopt;
  }
}

// The record's main data; nothing when it has none or the headers do not add up.
std::optional<ByteView> MainData(ByteView body, int major_version) {
  std::optional<ByteView> data = ParseWalRecord(body, major_version, nullptr);
  if (data && data->empty()) return std::nullopt;
  return data;
}

// A 32-bit count and that many items.
void SkipItems(ByteReader& reader, size_t item_bytes) {
  uint64_t count = reader.Le<uint32_t>();
  reader.View(count * item_bytes);
}

// The xid in the payload of a commit or abort of a prepared transaction; `reader` stands after the
// time.
std::optional<uint32_t> PreparedXid(ByteReader reader, const WalRecord& record, bool is_commit,
                                    int major_version) {
  if ((record.info & kHasExtras) == 0) return std::nullopt;
  auto extras = reader.Le<uint32_t>();
  if ((extras & kHasDatabase) != 0) reader.View(8);
  if ((extras & kHasSubtransactions) != 0) SkipItems(reader, 4);
  if ((extras & kHasRelations) != 0) SkipItems(reader, kRelationIdBytes);
  // Since version 15; version 18 widened the object's id to 64 bits.
  if (major_version >= 15 && (extras & kHasDroppedStatistics) != 0) {
    SkipItems(reader, major_version >= 18 ? 16 : 12);
  }
  if (is_commit && (extras & kHasInvalidations) != 0) SkipItems(reader, 16);
  if ((extras & kHasPreparedXid) == 0) return std::nullopt;
  auto xid = reader.Le<uint32_t>();
  if (!reader.ok()) return std::nullopt;
  return xid;
}

Error UnknownForm(const WalRecord& record, std::string_view what) {
  return {Code::kUnsupported,
          fmt::format("{} at {} has a right checksum but a form that is not known", what,
                      record.start.ToText()),
          "the log may come from a modified PostgreSQL; please report its exact version"};
}

}  // namespace

bool EndsTransaction(const WalRecord& record) {
  return record.resource_manager == kTransactionResourceManager && KindOf(record.info).has_value();
}

bool NamesPoint(const WalRecord& record) {
  return record.resource_manager == kXlogResourceManager && (record.info & 0xF0) == kRestorePoint;
}

bool CreatesTablespace(const WalRecord& record) {
  return record.resource_manager == kTablespaceResourceManager &&
         (record.info & 0xF0) == kTablespaceCreation;
}

Result<TransactionEnd> ReadTransactionEnd(const WalRecord& record, ByteView body,
                                          int major_version) {
  constexpr std::string_view kWhat = "the end of a transaction";
  auto data = MainData(body, major_version);
  auto kind = KindOf(record.info);
  if (!data || !kind) return UnknownForm(record, kWhat);
  ByteReader reader(*data);
  TransactionEnd result{.start = record.start,
                        .end = record.end,
                        .xid = record.xid,
                        .time = FromServerTime(reader.Le<uint64_t>()),
                        .kind = *kind};
  if (!reader.ok()) return UnknownForm(record, kWhat);
  bool is_commit = *kind == TransactionEndKind::kCommitPrepared;
  if (is_commit || *kind == TransactionEndKind::kAbortPrepared) {
    auto xid = PreparedXid(reader, record, is_commit, major_version);
    if (!xid) return UnknownForm(record, kWhat);
    result.xid = *xid;
  }
  return result;
}

Result<NamedPoint> ReadNamedPoint(const WalRecord& record, ByteView body, int major_version) {
  auto data = MainData(body, major_version);
  if (!data || data->size() < 8 + kPointNameBytes) return UnknownForm(record, "a restore point");
  ByteReader reader(*data);
  Timestamp time = FromServerTime(reader.Le<uint64_t>());
  std::string_view name = AsText(reader.View(kPointNameBytes));
  name = name.substr(0, name.find('\0'));
  return NamedPoint{
      .name = std::string(name), .time = time, .start = record.start, .end = record.end};
}

Result<TablespaceCreation> ReadTablespaceCreation(const WalRecord& record, ByteView body,
                                                  int major_version) {
  constexpr std::string_view kWhat = "the creation of a tablespace";
  auto data = MainData(body, major_version);
  if (!data) return UnknownForm(record, kWhat);
  ByteReader reader(*data);
  auto oid = reader.Le<uint32_t>();
  if (!reader.ok()) return UnknownForm(record, kWhat);
  std::string_view location = AsText(data->subspan(sizeof(oid)));
  size_t end = location.find('\0');
  if (end == std::string_view::npos) return UnknownForm(record, kWhat);
  return TablespaceCreation{
      .oid = oid, .location = std::string(location.substr(0, end)), .start = record.start};
}

}  // namespace pgcairn::postgres
