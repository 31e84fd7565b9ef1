// A patch on a map leaf: the units that differ from an older leaf (docs/format.md, section 7).
//
// A page in a hundred changed would otherwise cost a whole leaf, whose fingerprints do not
// compress. A patch is always one on a leaf of fixed units, never on another patch: two reads give
// any leaf.
#pragma once

#include <cstdint>
#include <vector>

#include "repository/map/map_leaf.h"
#include "repository/pack/pack_reference.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

struct MapPatch {
  LeafBase base;
  uint32_t units = 0;  // of the leaf that results; units past the base's are all in the patch
  std::vector<PackReference> packs;
  std::vector<TableBlob> blobs;
  std::vector<uint16_t> places;    // of the units in the leaf, rising
  std::vector<UnitEntry> entries;  // one for each place; the blob index counts in `blobs`
};

bool IsMapPatch(ByteView raw);
Bytes EncodeMapPatch(const MapPatch& patch);
// Every index, place and count is checked. kDamaged, kUnsupported.
Result<MapPatch> DecodeMapPatch(ByteView raw);

// The leaf that results, with no pack and no blob that none of its units needs. kDamaged: the patch
// is not one of that leaf.
Result<MapLeaf> ApplyPatch(const MapLeaf& base, const MapPatch& patch);

}  // namespace pgcairn::repository
