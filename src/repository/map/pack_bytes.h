// How much of a pack is needed (docs/format.md, section 8, "needs").
#pragma once

#include <algorithm>
#include <cstdint>

#include "repository/pack/pack_reference.h"

namespace pgcairn::repository {

// Stored bytes of one data pack.
struct PackBytes {
  StoredPack pack;
  uint32_t bytes = 0;
};

// The share of a blob's stored bytes that `raw_bytes` of it take. At least one: a pack of which
// anything is needed must not seem to be of no use.
inline uint64_t NeededBytes(const BlobLocation& blob, uint64_t raw_bytes) {
  const uint64_t needed = std::min<uint64_t>(raw_bytes, blob.raw_length);
  return std::max<uint64_t>(1, blob.stored_length * needed / blob.raw_length);
}

}  // namespace pgcairn::repository
