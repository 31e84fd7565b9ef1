// Reads leaves of chunks, and what they refer to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "repository/map/chunk_identity.h"
#include "repository/map/chunk_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// The leaf `index` of a decoded list, of a stream of chunks. kDamaged: the blob, or what it says,
// or another number of chunks than the list states. kNotFound: its pack is missing.
Result<ChunkLeaf> ReadChunkLeaf(BlobReader& reader, const StreamList& list, size_t index);
// The same for a leaf that lies at `at` in `pack`.
Result<ChunkLeaf> ReadChunkLeaf(BlobReader& reader, const PackReference& pack, const TableBlob& at);

// The bytes of the chunks that lie in the pack `pack` (its index in leaf.packs), in no order:
// `on_chunk(chunk, bytes)` with the chunk's index in the leaf, each proven by its id; valid during
// the call. kDamaged, kNotFound, and the errors of `on_chunk`.
using OnChunkBytes = std::function<Status(size_t chunk, ByteView bytes)>;
Status ReadChunksOfPack(BlobReader& reader, ChunkIdentity& identity, const ChunkLeaf& leaf,
                        uint32_t pack, const OnChunkBytes& on_chunk);

// The bytes of the whole leaf, in order, in the place of what `bytes` held. Memory: those bytes,
// at most 64 MiB.
Status ReadChunks(BlobReader& reader, ChunkIdentity& identity, const ChunkLeaf& leaf, Bytes& bytes);

}  // namespace pgcairn::repository
