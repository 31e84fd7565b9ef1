// An earlier leaf, as one who writes the next one sees it.
#pragma once

#include <cstdint>
#include <vector>

#include "repository/map/map_leaf.h"
#include "repository/pack/pack_reference.h"

namespace pgcairn::repository {

enum class PackVerdict : uint8_t {
  kUsable,
  kLost,     // damaged, missing or about to be deleted: its units count as not stored
  kToEmpty,  // its units are to be stored afresh, so that it can be deleted some day
};

struct KnownLeaf {
  PackReference pack;  // that the leaf lies in
  TableBlob at;        // its index of a pack means nothing here
  MapLeaf leaf;
  std::vector<PackVerdict> verdicts;  // one for each of leaf.packs
  // A finished backup read its pages and reported the bad ones.
  bool judged = true;
  // The stored leaf itself, and the one that it is a patch on, may be referred to.
  bool reusable = true;

  PackVerdict VerdictOf(const UnitEntry& unit) const {
    if (unit.blob == kZeroUnit) return PackVerdict::kUsable;
    return verdicts[leaf.blobs[unit.blob].pack];
  }
};

// A unit of an earlier leaf; without a leaf, nothing is known.
struct KnownUnit {
  const KnownLeaf* leaf = nullptr;
  uint32_t entry = 0;

  const UnitEntry& unit() const { return leaf->leaf.units[entry]; }
  // Of a unit that is stored: the pack that it lies in, and its share of its blob.
  const crypto::Sha256Digest& pack() const {
    return leaf->leaf.packs[leaf->leaf.blobs[unit().blob].pack].sha256;
  }
  uint64_t StoredBytes() const {
    const BlobLocation& at = leaf->leaf.blobs[unit().blob].location;
    return uint64_t{at.stored_length} * kUnitBytes / at.raw_length;
  }
};

}  // namespace pgcairn::repository
