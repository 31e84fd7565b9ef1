// One leaf of the map of a table's rows: where each chunk is stored (docs/format.md, section 7).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <vector>

#include "repository/pack/pack_reference.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

inline constexpr uint32_t kLeafChunksMax = 4096;
// So that a whole leaf can be held in memory: 64 MiB.
inline constexpr uint32_t kChunkBytesMax = 16'384;

// By what a chunk is recognised (map/chunk_identity.h). Equal ids mean equal bytes, also to
// somebody who chooses the bytes, as long as the cluster's chunk key is secret.
struct ChunkId {
  std::array<uint8_t, 16> bytes{};
  friend auto operator<=>(const ChunkId&, const ChunkId&) = default;
};

struct ChunkEntry {
  uint16_t blob = 0;    // index in ChunkLeaf::blobs
  uint32_t place = 0;   // of the chunk's first byte in the raw blob
  uint32_t length = 0;  // bytes, 1 to kChunkBytesMax
  ChunkId id;
};

struct ChunkLeaf {
  std::vector<PackReference> packs;
  std::vector<TableBlob> blobs;
  std::vector<ChunkEntry> chunks;  // in the order of the rows
};

bool IsChunkLeaf(ByteView raw);
Bytes EncodeChunkLeaf(const ChunkLeaf& leaf);
// Every index, place, length and count is checked. kDamaged, kUnsupported.
Result<ChunkLeaf> DecodeChunkLeaf(ByteView raw);

}  // namespace pgcairn::repository
