#include "repository/map/chunk_reader.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgcairn::repository {
namespace {

Error WrongChunks(std::string_view what) {
  return {Code::kDamaged, "a map leaf of chunks is damaged: " + std::string(what), ""};
}

// Chunks by blob, blobs by their places in the pack.
struct BlobChunks {
  uint32_t blob = 0;
  std::vector<uint32_t> chunks;
};

std::vector<BlobChunks> ChunksByBlob(const ChunkLeaf& leaf, uint32_t pack) {
  std::vector<std::vector<uint32_t>> of_blob(leaf.blobs.size());
  for (uint32_t i = 0; i < leaf.chunks.size(); ++i) of_blob[leaf.chunks[i].blob].push_back(i);
  std::vector<BlobChunks> wanted;
  for (uint32_t blob = 0; blob < of_blob.size(); ++blob) {
    if (leaf.blobs[blob].pack != pack || of_blob[blob].empty()) continue;
    wanted.push_back({blob, std::move(of_blob[blob])});
  }
  std::ranges::sort(wanted, {},
                    [&](const BlobChunks& of) { return leaf.blobs[of.blob].location.offset; });
  return wanted;
}

}  // namespace

Result<ChunkLeaf> ReadChunkLeaf(BlobReader& reader, const PackReference& pack,
                                const TableBlob& at) {
  ASSIGN_OR_RETURN(Bytes raw, reader.Read(ObjectKind::kMetadataPack, pack, at.location));
  ASSIGN_OR_RETURN(ChunkLeaf leaf, DecodeChunkLeaf(raw));
  if (leaf.chunks.size() != at.units) return WrongChunks("another number of chunks than listed");
  return leaf;
}

Result<ChunkLeaf> ReadChunkLeaf(BlobReader& reader, const StreamList& list, size_t index) {
  const TableBlob& at = list.leaves[index];
  return ReadChunkLeaf(reader, list.packs[at.pack], at);
}

Status ReadChunksOfPack(BlobReader& reader, ChunkIdentity& identity, const ChunkLeaf& leaf,
                        uint32_t pack, const OnChunkBytes& on_chunk) {
  const std::vector<BlobChunks> wanted = ChunksByBlob(leaf, pack);
  std::vector<BlobLocation> locations;
  for (const BlobChunks& of : wanted) locations.push_back(leaf.blobs[of.blob].location);
  auto on_blob = [&](size_t index, ByteView raw) -> Status {
    for (uint32_t chunk : wanted[index].chunks) {
      const ChunkEntry& entry = leaf.chunks[chunk];
      ByteView bytes = raw.subspan(entry.place, entry.length);
      if (identity.Of(bytes) != entry.id) return WrongChunks("a chunk has other bytes");
      RETURN_IF_ERROR(on_chunk(chunk, bytes));
    }
    return {};
  };
  return reader.ReadMany(ObjectKind::kDataPack, leaf.packs[pack], locations, on_blob);
}

Status ReadChunks(BlobReader& reader, ChunkIdentity& identity, const ChunkLeaf& leaf,
                  Bytes& bytes) {
  std::vector<size_t> begins;
  size_t size = 0;
  for (const ChunkEntry& chunk : leaf.chunks) {
    begins.push_back(size);
    size += chunk.length;
  }
  bytes.resize(size);
  for (uint32_t pack = 0; pack < leaf.packs.size(); ++pack) {
    RETURN_IF_ERROR(
        ReadChunksOfPack(reader, identity, leaf, pack, [&](size_t chunk, ByteView piece) -> Status {
          std::ranges::copy(piece, bytes.begin() + static_cast<ptrdiff_t>(begins[chunk]));
          return {};
        }));
  }
  return {};
}

}  // namespace pgcairn::repository
