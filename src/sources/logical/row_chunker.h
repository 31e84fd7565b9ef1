// Cuts the rows of a table, as COPY gives them, into chunks whose ends depend on nothing but the
// rows near them: where rows were added, changed or removed, the chunks elsewhere stay what they
// were, and the next backup recognises them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "crypto/fingerprint.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::sources {

// In bytes; 0 < min <= mean <= max.
struct ChunkSizes {
  size_t min = 0;   // of every chunk but a stream's last one and those before a long row
  size_t mean = 0;  // about
  size_t max = 0;   // of every chunk
};

// A chunk ends behind a row whose hash is below a threshold, the higher the longer the row is, so
// that chunks have about the mean size whatever the rows' lengths are. The hash is keyed: who sees
// the lengths of chunks learns nothing about the rows. A row that is longer than the greatest chunk
// begins a chunk and is cut into chunks of that size; what remains of it may be followed by other
// rows.
//
// Not for two threads at once. Memory: one chunk.
class RowChunker {
 public:
  // `bytes` is valid during the call. An error ends the work.
  using OnChunk = std::function<Status(ByteView bytes)>;

  // `chunk_key` as the cluster's keys have it; copied. Two backups cut rows alike only with the
  // same key and the same sizes.
  RowChunker(ByteView chunk_key, ChunkSizes sizes, OnChunk on_chunk);

  // One whole row with its line end; at least one byte.
  Status Add(ByteView row);
  // The last row ended a chunk.
  bool is_between_chunks() const { return chunk_.empty(); }
  // After the last row. The chunker can then take the rows of another stream.
  Status End();

 private:
  bool EndsBehind(ByteView row) const;
  Status Emit();

  const crypto::PageFingerprint hash_;
  const ChunkSizes sizes_;
  const OnChunk on_chunk_;
  Bytes chunk_;
};

}  // namespace pgcairn::sources
