#include "repository/map/map_leaf.h"

#include <fmt/format.h>

#include <string_view>

namespace pgcairn::repository {
namespace {

constexpr std::string_view kMapLeafMagic = "PGML";
constexpr uint16_t kMapLeafVersion = 1;
constexpr uint8_t kKindFixedUnits = 1;
constexpr uint8_t kFingerprintXxh3 = 1;

Error DamagedMapLeaf(std::string_view what) {
  return {Code::kDamaged, fmt::format("a map leaf is damaged: {}", what), ""};
}

struct MapLeafCounts {
  uint32_t units = 0;
  uint32_t packs = 0;
  uint32_t blobs = 0;
};

Result<MapLeafCounts> DecodeMapLeafHead(ByteReader& in) {
  ByteView magic = in.View(kMapLeafMagic.size());
  auto version = in.Le<uint16_t>();
  auto kind = in.Le<uint8_t>();
  auto fingerprint = in.Le<uint8_t>();
  auto unit_bytes = in.Le<uint32_t>();
  MapLeafCounts counts{in.Le<uint32_t>(), in.Le<uint32_t>(), in.Le<uint32_t>()};
  if (!in.ok() || AsText(magic) != kMapLeafMagic) return DamagedMapLeaf("no magic");
  if (version != kMapLeafVersion || kind != kKindFixedUnits || fingerprint != kFingerprintXxh3 ||
      unit_bytes != kUnitBytes) {
    return Error{Code::kUnsupported, "a map leaf has a version or kind that is unknown",
                 "a newer pgcairn wrote this repository: use that version"};
  }
  if (counts.units == 0 || counts.units > kLeafUnitsMax || counts.blobs >= kZeroUnit) {
    return DamagedMapLeaf("impossible counts");
  }
  uint64_t size = uint64_t{counts.packs} * kPackReferenceBytes +
                  uint64_t{counts.blobs} * kTableBlobBytes +
                  uint64_t{counts.units} * kUnitColumnsBytes;
  if (size != in.left()) return DamagedMapLeaf("another length than its counts say");
  return counts;
}

}  // namespace

void AppendUnitColumns(Bytes& out, const std::vector<UnitEntry>& units) {
  for (const UnitEntry& unit : units) AppendLe<uint16_t>(out, unit.blob);
  for (const UnitEntry& unit : units) AppendLe<uint32_t>(out, unit.place);
  for (const UnitEntry& unit : units) AppendLe<uint64_t>(out, unit.fingerprint);
}

void ReadUnitColumns(ByteReader& in, std::vector<UnitEntry>& units) {
  for (UnitEntry& unit : units) unit.blob = in.Le<uint16_t>();
  for (UnitEntry& unit : units) unit.place = in.Le<uint32_t>();
  for (UnitEntry& unit : units) unit.fingerprint = in.Le<uint64_t>();
}

void AppendTables(Bytes& out, const std::vector<PackReference>& packs,
                  const std::vector<TableBlob>& blobs) {
  for (const PackReference& pack : packs) AppendPackReference(out, pack);
  for (const TableBlob& blob : blobs) AppendTableBlob(out, blob);
}

Status ReadTables(ByteReader& in, uint32_t pack_count, uint32_t blob_count,
                  std::vector<PackReference>& packs, std::vector<TableBlob>& blobs) {
  packs.reserve(pack_count);
  for (uint32_t i = 0; i < pack_count; ++i) packs.push_back(ReadPackReference(in));
  blobs.reserve(blob_count);
  for (uint32_t i = 0; i < blob_count; ++i) {
    TableBlob blob = ReadTableBlob(in);
    if (blob.pack >= pack_count) return DamagedMapLeaf("a blob of no pack");
    RETURN_IF_ERROR(CheckLocation(packs[blob.pack], blob.location, kDataBlobRawBytesMax));
    blobs.push_back(blob);
  }
  return {};
}

Status CheckUnits(const std::vector<UnitEntry>& units, const std::vector<TableBlob>& blobs) {
  for (const UnitEntry& unit : units) {
    if (unit.blob == kZeroUnit) {
      if (unit.place != 0) return DamagedMapLeaf("a place of zeros");
      continue;
    }
    if (unit.blob >= blobs.size()) return DamagedMapLeaf("a unit of no blob");
    if (unit.place >= blobs[unit.blob].location.raw_length) {
      return DamagedMapLeaf("a unit outside its blob");
    }
  }
  return {};
}

Bytes EncodeMapLeaf(const MapLeaf& leaf) {
  CHECK(!leaf.units.empty() && leaf.units.size() <= kLeafUnitsMax);
  CHECK(leaf.blobs.size() < kZeroUnit);
  Bytes out;
  out.reserve(24 + leaf.packs.size() * kPackReferenceBytes + leaf.blobs.size() * kTableBlobBytes +
              leaf.units.size() * kUnitColumnsBytes);
  Append(out, AsBytes(kMapLeafMagic));
  AppendLe<uint16_t>(out, kMapLeafVersion);
  out.push_back(kKindFixedUnits);
  out.push_back(kFingerprintXxh3);
  AppendLe<uint32_t>(out, kUnitBytes);
  AppendLe<uint32_t>(out, static_cast<uint32_t>(leaf.units.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(leaf.packs.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(leaf.blobs.size()));
  AppendTables(out, leaf.packs, leaf.blobs);
  AppendUnitColumns(out, leaf.units);
  return out;
}

Result<MapLeaf> DecodeMapLeaf(ByteView raw) {
  ByteReader in(raw);
  ASSIGN_OR_RETURN(MapLeafCounts counts, DecodeMapLeafHead(in));
  MapLeaf leaf;
  RETURN_IF_ERROR(ReadTables(in, counts.packs, counts.blobs, leaf.packs, leaf.blobs));
  leaf.units.resize(counts.units);
  ReadUnitColumns(in, leaf.units);
  RETURN_IF_ERROR(CheckUnits(leaf.units, leaf.blobs));
  CHECK(in.ok() && in.left() == 0);
  return leaf;
}

}  // namespace pgcairn::repository
