#include "repository/map/map_patch.h"

#include <fmt/format.h>

#include <string_view>

namespace pgcairn::repository {
namespace {

constexpr std::string_view kMapPatchMagic = "PGML";
constexpr uint16_t kMapPatchVersion = 1;
constexpr size_t kMapPatchKindOffset = 6;
constexpr uint8_t kKindPatch = 2;
constexpr uint8_t kMapPatchFingerprintXxh3 = 1;
constexpr size_t kMapPatchHeadBytes = 28;
constexpr size_t kEntryBytes = 2 + kUnitColumnsBytes;

Error DamagedMapPatch(std::string_view what) {
  return {Code::kDamaged, fmt::format("a patch of a map leaf is damaged: {}", what), ""};
}

struct MapPatchCounts {
  uint32_t units = 0;
  uint32_t packs = 0;
  uint32_t blobs = 0;
  uint32_t entries = 0;
};

Result<MapPatchCounts> DecodeMapPatchHead(ByteReader& in) {
  ByteView magic = in.View(kMapPatchMagic.size());
  auto version = in.Le<uint16_t>();
  auto kind = in.Le<uint8_t>();
  auto fingerprint = in.Le<uint8_t>();
  auto unit_bytes = in.Le<uint32_t>();
  MapPatchCounts counts{in.Le<uint32_t>(), in.Le<uint32_t>(), in.Le<uint32_t>(), in.Le<uint32_t>()};
  if (!in.ok() || AsText(magic) != kMapPatchMagic) return DamagedMapPatch("no magic");
  if (version != kMapPatchVersion || kind != kKindPatch ||
      fingerprint != kMapPatchFingerprintXxh3 || unit_bytes != kUnitBytes) {
    return Error{Code::kUnsupported, "a map leaf has a version or kind that is unknown",
                 "a newer pgcairn wrote this repository: use that version"};
  }
  if (counts.units == 0 || counts.units > kLeafUnitsMax || counts.entries == 0 ||
      counts.entries > counts.units || counts.blobs >= kZeroUnit) {
    return DamagedMapPatch("impossible counts");
  }
  uint64_t size = kPackReferenceBytes + kTableBlobBytes +
                  uint64_t{counts.packs} * kPackReferenceBytes +
                  uint64_t{counts.blobs} * kTableBlobBytes + uint64_t{counts.entries} * kEntryBytes;
  if (size != in.left()) return DamagedMapPatch("another length than its counts say");
  return counts;
}

Status CheckBase(const LeafBase& base) {
  if (base.blob.pack != 0 || base.blob.units == 0 || base.blob.units > kLeafUnitsMax) {
    return DamagedMapPatch("an impossible base");
  }
  return CheckLocation(base.pack, base.blob.location, kMetadataBlobRawBytesMax);
}

Status CheckPlaces(const MapPatch& patch) {
  for (size_t i = 0; i < patch.places.size(); ++i) {
    if (patch.places[i] >= patch.units || (i > 0 && patch.places[i] <= patch.places[i - 1])) {
      return DamagedMapPatch("a unit out of order");
    }
  }
  return {};
}

// Without what no unit needs.
MapLeaf Reduced(const MapLeaf& all) {
  MapLeaf leaf;
  leaf.units = all.units;
  std::vector<uint16_t> blob_index(all.blobs.size(), kZeroUnit);
  std::vector<uint32_t> pack_index(all.packs.size(), UINT32_MAX);
  for (UnitEntry& unit : leaf.units) {
    if (unit.blob == kZeroUnit) continue;
    uint16_t& blob = blob_index[unit.blob];
    if (blob == kZeroUnit) {
      TableBlob taken = all.blobs[unit.blob];
      uint32_t& pack = pack_index[taken.pack];
      if (pack == UINT32_MAX) {
        pack = static_cast<uint32_t>(leaf.packs.size());
        leaf.packs.push_back(all.packs[taken.pack]);
      }
      taken.pack = pack;
      blob = static_cast<uint16_t>(leaf.blobs.size());
      leaf.blobs.push_back(taken);
    }
    unit.blob = blob;
  }
  return leaf;
}

}  // namespace

bool IsMapPatch(ByteView raw) {
  return raw.size() > kMapPatchKindOffset && raw[kMapPatchKindOffset] == kKindPatch;
}

Bytes EncodeMapPatch(const MapPatch& patch) {
  CHECK(!patch.places.empty() && patch.places.size() == patch.entries.size());
  CHECK(patch.units > patch.places.back() && patch.units <= kLeafUnitsMax);
  CHECK(patch.blobs.size() < kZeroUnit);
  Bytes out;
  out.reserve(kMapPatchHeadBytes + (1 + patch.packs.size()) * kPackReferenceBytes +
              (1 + patch.blobs.size()) * kTableBlobBytes + patch.places.size() * kEntryBytes);
  Append(out, AsBytes(kMapPatchMagic));
  AppendLe<uint16_t>(out, kMapPatchVersion);
  out.push_back(kKindPatch);
  out.push_back(kMapPatchFingerprintXxh3);
  AppendLe<uint32_t>(out, kUnitBytes);
  AppendLe<uint32_t>(out, patch.units);
  AppendLe<uint32_t>(out, static_cast<uint32_t>(patch.packs.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(patch.blobs.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(patch.places.size()));
  AppendPackReference(out, patch.base.pack);
  TableBlob base = patch.base.blob;
  base.pack = 0;
  AppendTableBlob(out, base);
  AppendTables(out, patch.packs, patch.blobs);
  for (uint16_t place : patch.places) AppendLe<uint16_t>(out, place);
  AppendUnitColumns(out, patch.entries);
  return out;
}

Result<MapPatch> DecodeMapPatch(ByteView raw) {
  ByteReader in(raw);
  ASSIGN_OR_RETURN(MapPatchCounts counts, DecodeMapPatchHead(in));
  MapPatch patch;
  patch.units = counts.units;
  patch.base.pack = ReadPackReference(in);
  patch.base.blob = ReadTableBlob(in);
  RETURN_IF_ERROR(CheckBase(patch.base));
  RETURN_IF_ERROR(ReadTables(in, counts.packs, counts.blobs, patch.packs, patch.blobs));
  patch.places.resize(counts.entries);
  for (uint16_t& place : patch.places) place = in.Le<uint16_t>();
  patch.entries.resize(counts.entries);
  ReadUnitColumns(in, patch.entries);
  CHECK(in.ok() && in.left() == 0);
  RETURN_IF_ERROR(CheckPlaces(patch));
  RETURN_IF_ERROR(CheckUnits(patch.entries, patch.blobs));
  return patch;
}

Result<MapLeaf> ApplyPatch(const MapLeaf& base, const MapPatch& patch) {
  if (base.units.size() != patch.base.blob.units) {
    return DamagedMapPatch("its base has another number of units");
  }
  if (base.blobs.size() + patch.blobs.size() >= kZeroUnit)
    return DamagedMapPatch("impossible counts");
  MapLeaf all;
  all.packs = base.packs;
  all.packs.insert(all.packs.end(), patch.packs.begin(), patch.packs.end());
  all.blobs = base.blobs;
  for (TableBlob blob : patch.blobs) {
    blob.pack += static_cast<uint32_t>(base.packs.size());
    all.blobs.push_back(blob);
  }
  all.units = base.units;
  all.units.resize(patch.units);
  size_t beyond = patch.units > base.units.size() ? patch.units - base.units.size() : 0;
  for (size_t i = 0; i < patch.places.size(); ++i) {
    UnitEntry entry = patch.entries[i];
    if (entry.blob != kZeroUnit) {
      entry.blob = static_cast<uint16_t>(entry.blob + base.blobs.size());
    }
    all.units[patch.places[i]] = entry;
    if (patch.places[i] >= base.units.size()) --beyond;
  }
  if (beyond != 0) return DamagedMapPatch("a unit that neither it nor its base states");
  MapLeaf leaf = Reduced(all);
  leaf.base = patch.base;
  leaf.patched = patch.places;
  return leaf;
}

}  // namespace pgcairn::repository
