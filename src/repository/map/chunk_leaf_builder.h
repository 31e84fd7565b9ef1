// A leaf of chunks that is being made, partly of new chunks and partly of those that an earlier one
// knows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "repository/map/known_chunks.h"
#include "repository/map/pack_bytes.h"
#include "repository/pack/pack_reference.h"
#include "util/bytes.h"

namespace pgcairn::repository {

// New chunks lie in blobs that are counted by serials of the writer's until they are full, in packs
// that are counted so until they are closed. One blob may hold chunks of many leaves.
class ChunkLeafBuilder {
 public:
  // Chunks, in the order of the rows.
  void Keep(const KnownChunk& known);
  void AddStored(uint32_t blob_serial, uint32_t place, uint32_t length, const ChunkId& id);

  // The blob went into a pack. Of a blob that the leaf has no chunk in, nothing.
  void SetBlob(uint32_t blob_serial, uint32_t pack_serial, const BlobLocation& location);

  // No more chunks. What was kept is of no more use to this but for `unchanged`.
  void Close();

  size_t chunk_count() const { return chunks_.size(); }
  uint64_t raw_bytes() const { return raw_bytes_; }
  // What it may take while it waits. After Close it stays the same, whereas packs are added still:
  // at most one for each blob.
  size_t memory_bytes() const {
    return chunks_.size() * sizeof(ChunkEntry) + blobs_.size() * (sizeof(TableBlob) + sizeof(Pack));
  }
  // The earlier leaf that says all of this one and nothing else, and may serve as it is. After
  // Close.
  const KnownChunkLeaf* unchanged() const { return unchanged_; }
  // All blobs have their place, and all packs with serials are closed and named by `closed`.
  bool IsReady(const std::vector<std::optional<PackReference>>& closed) const;

  // What is to be stored. After Close, when ready, and not when unchanged.
  Bytes Encode(const std::vector<std::optional<PackReference>>& closed) const;
  std::vector<PackBytes> Uses(const std::vector<std::optional<PackReference>>& closed) const;

 private:
  // A pack with a name, or one of the writer's.
  struct Pack {
    std::optional<PackReference> known;
    uint32_t serial = 0;
  };

  uint32_t IndexOf(const PackReference& pack);
  std::vector<PackReference> Named(const std::vector<std::optional<PackReference>>& closed) const;

  std::vector<Pack> packs_;
  std::vector<TableBlob> blobs_;
  std::vector<ChunkEntry> chunks_;
  std::vector<uint64_t> blob_bytes_;  // of each blob, the raw bytes that chunks of the leaf need
  uint64_t raw_bytes_ = 0;
  std::map<uint32_t, uint16_t> open_blobs_;  // by serial; index in blobs_
  std::map<const TableBlob*, uint16_t> kept_blobs_;
  std::map<const PackReference*, uint32_t> kept_packs_;
  // As long as every chunk was kept from it, entry by entry from the first one on.
  const KnownChunkLeaf* same_as_ = nullptr;
  bool is_same_ = true;
  const KnownChunkLeaf* unchanged_ = nullptr;
};

}  // namespace pgcairn::repository
