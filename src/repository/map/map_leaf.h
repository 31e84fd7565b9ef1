// One leaf of a map: where each unit is stored (docs/format.md, section 7).
#pragma once

#include <cstdint>
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

struct MapLeaf {
  std::vector<PackReference> packs;
  std::vector<TableBlob> blobs;
  std::vector<UnitEntry> units;
};

Bytes EncodeMapLeaf(const MapLeaf& leaf);
// Every index, place and count is checked. kDamaged, kUnsupported.
Result<MapLeaf> DecodeMapLeaf(ByteView raw);

}  // namespace pgcairn::repository
