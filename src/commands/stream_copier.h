// One thread's part of a logical backup: it makes sources into streams, one after the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "commands/copy_streams.h"
#include "commands/stream_window.h"
#include "repository/map/known_chunks.h"
#include "repository/pack/blob_reader.h"
#include "sources/logical/row_chunker.h"

namespace pgcairn::commands {

// Cuts a document every so many bytes, wherever its pieces end.
class DocumentChunker {
 public:
  explicit DocumentChunker(OnPiece on_chunk) : on_chunk_(std::move(on_chunk)) {}

  Status Add(ByteView piece);
  Status End();

 private:
  const OnPiece on_chunk_;
  Bytes chunk_;
};

// Not for two threads at once.
class StreamCopier {
 public:
  // `tools` outlives it.
  explicit StreamCopier(const StreamTools& tools);

  // `copied` outlives this, or what is done until Flush; its leaves come until then. kCancelled:
  // `stop` became true. After an error another source may be copied.
  Status Copy(const StreamSource& source, postgres::Connection& worker,
              const std::atomic<bool>& stop, CopiedSource& copied);
  Status Flush();

  const repository::ChunkCounts& counts() const { return writer_.counts(); }

 private:
  // What an earlier backup has of the source.
  struct Earlier {
    std::vector<const PreviousMap::Stream*> streams;
    std::unordered_map<uint32_t, size_t> stream_of_leaf;  // by the leaf's number
  };

  Earlier FindEarlier(const StreamSource& source) const;
  void Load(const StreamSource& source, const Earlier& earlier, const std::vector<size_t>& numbers);
  void Begin(CopiedSource& copied);
  Status End(CopiedSource& copied);
  Status Next(const StreamSource& source, const Earlier& earlier, StreamWindow& window,
              CopiedSource& copied);
  Status AddRow(const StreamSource& source, const Earlier& earlier, StreamWindow& window,
                CopiedSource& copied, ByteView row);
  void Take(uint32_t stream, uint32_t leaf, const repository::StoredChunkLeaf& stored);

  const StreamTools& tools_;
  repository::BlobReader reader_;
  std::unique_ptr<repository::KnownChunks> known_;  // of the stream; null: nothing
  std::unordered_set<uint32_t> unreadable_;         // leaves, by number
  std::vector<CopiedStream*> targets_;              // by the writer's numbers of streams
  uint64_t begun_at_ = 0;                           // bytes that were written before the stream
  repository::ChunkWriter writer_;
  sources::RowChunker rows_;
  DocumentChunker document_;
};

}  // namespace pgcairn::commands
