// The chunks of an earlier backup's stream, as one who writes the next one looks them up.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "repository/map/chunk_leaf.h"
#include "repository/map/known_leaf.h"
#include "repository/pack/pack_reference.h"

namespace pgcairn::repository {

struct KnownChunkLeaf {
  uint32_t number = 0;  // as its owner counts leaves
  PackReference pack;   // that the leaf lies in
  TableBlob at;         // its index of a pack means nothing here
  ChunkLeaf leaf;
  std::vector<PackVerdict> verdicts;  // one for each of leaf.packs
  // The stored leaf itself may be referred to.
  bool reusable = true;
};

struct KnownChunk {
  const KnownChunkLeaf* leaf = nullptr;
  uint32_t entry = 0;

  const ChunkEntry& chunk() const { return leaf->leaf.chunks[entry]; }
  const TableBlob& blob() const { return leaf->leaf.blobs[chunk().blob]; }
  PackVerdict verdict() const { return leaf->verdicts[blob().pack]; }
  const crypto::Sha256Digest& pack() const { return leaf->leaf.packs[blob().pack].sha256; }
  // Its share of its blob.
  uint64_t StoredBytes() const {
    const BlobLocation& at = blob().location;
    return uint64_t{at.stored_length} * chunk().length / at.raw_length;
  }
};

// Memory: 26 bytes for each chunk and about 40 more for finding it. Many threads may look up at
// once, when no leaf is added any more.
class KnownChunks {
 public:
  void Add(KnownChunkLeaf leaf);

  // One with that id and length that is not lost; one whose pack is not to be emptied, if there is
  // any. `near`, when it fits, is preferred to others: rows that did not change follow one another
  // as before.
  std::optional<KnownChunk> Find(const ChunkId& id, uint32_t length,
                                 const std::optional<KnownChunk>& near) const;

 private:
  struct HashOfId {
    size_t operator()(const ChunkId& id) const { return LoadLe<uint64_t>(id.bytes.data()); }
  };

  std::deque<KnownChunkLeaf> leaves_;                        // stay where they are
  std::unordered_map<ChunkId, KnownChunk, HashOfId> by_id_;  // of equal ones the best
};

}  // namespace pgcairn::repository
