// Turns chunks of rows into blobs, packs and map leaves.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "repository/cluster_access.h"
#include "repository/map/chunk_identity.h"
#include "repository/map/chunk_leaf_builder.h"
#include "repository/map/known_chunks.h"
#include "repository/map/metadata_writer.h"
#include "repository/map/unit_writer.h"
#include "repository/pack/pack_builder.h"
#include "repository/pack/pack_uploader.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// A leaf of a stream, in the order of its rows.
struct StoredChunkLeaf {
  uint64_t raw_bytes = 0;  // of the stream
  uint32_t chunks = 0;
  // An earlier leaf that serves as it is; then nothing was stored and what follows is empty.
  const KnownChunkLeaf* unchanged = nullptr;
  PendingBlob blob;
  std::vector<PackBytes> uses;
};

struct ChunkCounts {
  uint64_t chunks = 0;
  uint64_t raw_bytes = 0;
  uint64_t new_chunks = 0;
  uint64_t new_raw_bytes = 0;
  uint64_t compacted_raw_bytes = 0;  // known, and stored afresh
  uint64_t stored_bytes = 0;         // in data packs, new
  uint64_t compacted_bytes = 0;      // in data packs, compacted

  void Add(const ChunkCounts& other);
};

// Writes streams one after the other. Not for two threads at once; a backup has one per thread over
// the same uploader and metadata writer. Small streams share blobs and packs.
//
// Memory: one open pack and one blob, as much again where packs are emptied, and the leaves of the
// open packs (at most 8 MiB).
class ChunkWriter {
 public:
  // Called by the methods below when a leaf is stored or found unchanged: `stream` as BeginStream
  // had it, `leaf` counted from 0 within the stream. Leaves come in any order.
  using OnLeaf = std::function<void(uint32_t stream, uint32_t leaf, const StoredChunkLeaf& stored)>;

  // `budget` may be null: then no pack is emptied. It outlives this.
  ChunkWriter(const ClusterAccess& cluster, PackUploader& uploader, MetadataWriter& metadata,
              int level, CompactionBudget* budget, OnLeaf on_leaf);

  // `known` may be null; it lives until EndStream.
  void BeginStream(uint32_t stream, const KnownChunks* known);
  // 1 byte to kChunkBytesMax.
  Status Add(ByteView chunk);
  // A stream without chunks has no leaf.
  Status EndStream();
  // The number of the known leaf that has the last chunk of the stream that was known; nothing when
  // none was.
  std::optional<uint32_t> last_known_leaf() const { return last_known_leaf_; }
  // The last chunk ended a leaf. Where leaves end the chunks themselves say, as far as they can: a
  // stream that ends here has the same leaves in the next backup, whatever is before them.
  bool is_between_leaves() const { return !current_; }
  // Stores what is open, so that every leaf of the streams that were ended is in the metadata
  // writer.
  Status Flush();

  const ChunkCounts& counts() const { return counts_; }

 private:
  // Blobs on their way into one pack after the other.
  struct Sink {
    Bytes blob;
    uint32_t blob_serial = 0;
    std::optional<PackBuilder> pack;
    uint32_t pack_serial = 0;
  };
  struct Leaf {
    uint32_t stream = 0;
    uint32_t number = 0;
    ChunkLeafBuilder builder;
  };

  Status Store(Sink& sink, ByteView chunk, const ChunkId& id);
  Status FlushBlob(Sink& sink);
  Status ClosePack(Sink& sink);
  Status EndLeaf();
  Status StoreReadyLeaves();

  const ClusterAccess& cluster_;
  PackUploader& uploader_;
  MetadataWriter& metadata_;
  CompactionBudget* const budget_;
  const OnLeaf on_leaf_;
  ChunkIdentity identity_;
  Encoder encoder_;
  Sink changed_;
  Sink compacted_;
  uint32_t blob_serials_ = 0;
  std::vector<std::optional<PackReference>> packs_;  // by serial; nothing while open
  const KnownChunks* known_ = nullptr;
  std::optional<KnownChunk> next_;           // where the next chunk lies if nothing changed
  std::optional<uint32_t> last_known_leaf_;  // of the stream
  std::optional<Leaf> current_;
  std::deque<Leaf> waiting_;
  size_t waiting_bytes_ = 0;
  uint32_t stream_ = 0;
  bool in_stream_ = false;
  uint32_t leaves_ = 0;  // of the stream
  ChunkCounts counts_;
};

}  // namespace pgcairn::repository
