// One leaf of a map: where each unit is stored (docs/format.md, section 7).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "repository/pack/pack_reference.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

inline constexpr uint32_t kUnitBytes = 8192;
inline constexpr uint32_t kLeafUnitsMax = 4096;
// The blob index of units that are all zeros and stored nowhere.
inline constexpr uint16_t kZeroUnit = 65'535;

struct UnitEntry {
  uint16_t blob = kZeroUnit;  // index in MapLeaf::blobs
  uint32_t place = 0;         // of the unit's first byte in the raw blob
  uint64_t fingerprint = 0;
};

// The leaf of fixed units that a patch was made from.
struct LeafBase {
  PackReference pack;
  TableBlob blob;  // its `pack` is 0 and means nothing
};

struct MapLeaf {
  std::vector<PackReference> packs;
  std::vector<TableBlob> blobs;
  std::vector<UnitEntry> units;
  // Of a leaf that was stored as a patch (map_patch.h): the leaf it was made from, and which units
  // the patch states.
  std::optional<LeafBase> base;
  std::vector<uint16_t> patched;
};

// The columns that leaves and patches share.
void AppendUnitColumns(Bytes& out, const std::vector<UnitEntry>& units);
void ReadUnitColumns(ByteReader& in, std::vector<UnitEntry>& units);
void AppendTables(Bytes& out, const std::vector<PackReference>& packs,
                  const std::vector<TableBlob>& blobs);
// kDamaged: a blob of no pack, or at an impossible place. The reader's ok() is the caller's to
// check.
Status ReadTables(ByteReader& in, uint32_t pack_count, uint32_t blob_count,
                  std::vector<PackReference>& packs, std::vector<TableBlob>& blobs);
// kDamaged: a unit of no blob or outside of its blob, or a place of one that is stored nowhere.
Status CheckUnits(const std::vector<UnitEntry>& units, const std::vector<TableBlob>& blobs);

inline constexpr size_t kUnitColumnsBytes = 2 + 4 + 8;

// Writes the units as they are, whatever the leaf's base.
Bytes EncodeMapLeaf(const MapLeaf& leaf);
// Every index, place and count is checked. kDamaged, kUnsupported.
Result<MapLeaf> DecodeMapLeaf(ByteView raw);

}  // namespace pgcairn::repository
