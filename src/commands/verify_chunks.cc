#include "commands/verify_chunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/map/chunk_leaf.h"
#include "repository/map/chunk_reader.h"

namespace pgcairn::commands {
namespace {

using repository::ChunkLeaf;
using repository::StreamEntry;

// A chunk says by itself what it is, whatever stream it belongs to.
uint64_t IdentityOfChunks(const repository::StreamList& list, size_t leaf) {
  return LeafIdentity(list, leaf, AsBytes("chunks"));
}

// Indexes of those of its packs that a chunk lies in.
std::vector<uint32_t> PacksWithChunks(const ChunkLeaf& leaf) {
  std::vector<bool> needed(leaf.packs.size());
  for (const repository::ChunkEntry& chunk : leaf.chunks) {
    needed[leaf.blobs[chunk.blob].pack] = true;
  }
  std::vector<uint32_t> packs;
  for (uint32_t pack = 0; pack < needed.size(); ++pack) {
    if (needed[pack]) packs.push_back(pack);
  }
  return packs;
}

}  // namespace

Status ChunkVerifier::VerifyLeaf(repository::BlobReader& reader, size_t leaf) {
  const uint64_t identity = IdentityOfChunks(list_.list, leaf);
  if (std::optional<ProvenLeaf> proven = needs_.FindProven(list_, leaf, identity)) {
    leaf_bytes_[leaf] = proven->chunk_bytes;
    return {};
  }
  ASSIGN_OR_RETURN(const ChunkLeaf map, repository::ReadChunkLeaf(reader, list_.list, leaf));
  LeafProof proof;
  for (const repository::ChunkEntry& chunk : map.chunks) proof.leaf.chunk_bytes += chunk.length;
  leaf_bytes_[leaf] = proof.leaf.chunk_bytes;
  repository::ChunkIdentity chunk_ids(check_.cluster.keys.chunk_key());
  for (uint32_t pack : PacksWithChunks(map)) {
    needs_.Require(list_, leaf, map.packs[pack], proof);
    if (!needs_.IsToBeRead(map.packs[pack])) continue;
    Status status = repository::ReadChunksOfPack(reader, chunk_ids, map, pack,
                                                 [](size_t, ByteView) { return Status(); });
    if (!status.ok()) needs_.BlamePack(map.packs[pack], status.error());
    proof.whole = proof.whole && status.ok();
  }
  if (proof.whole) check_.proven.Add(identity, std::move(proof.leaf));
  return {};
}

void ChunkVerifier::CheckSizes() {
  for (const StreamEntry& stream : list_.list.streams) {
    if (stream.kind != repository::StreamKind::kChunks || stream.size == 0) continue;
    uint64_t bytes = 0;
    bool known = true;
    for (uint32_t leaf = 0; leaf < stream.leaf_count; ++leaf) {
      const std::optional<uint64_t>& of_leaf = leaf_bytes_[stream.first_leaf + leaf];
      known = known && of_leaf.has_value();
      bytes += of_leaf.value_or(0);
    }
    if (known && bytes != stream.size) BlameSize(stream, bytes);
  }
}

void ChunkVerifier::BlameSize(const StreamEntry& stream, uint64_t bytes) {
  needs_.BlamePack(list_.pack,
                   Damaged(fmt::format("a stream list states {} bytes of {}, its leaves hold {}",
                                       stream.size, stream.path, bytes)));
}

std::optional<Bytes> ChunkVerifier::Read(repository::BlobReader& reader,
                                         const StreamEntry& stream) {
  Bytes bytes;
  for (uint32_t leaf = 0; leaf < stream.leaf_count && bytes.size() <= stream.size; ++leaf) {
    if (!AppendLeaf(reader, stream.first_leaf + leaf, bytes)) return std::nullopt;
  }
  if (bytes.size() == stream.size) return bytes;
  BlameSize(stream, bytes.size());
  return std::nullopt;
}

bool ChunkVerifier::AppendLeaf(repository::BlobReader& reader, size_t leaf, Bytes& bytes) {
  Result<ChunkLeaf> map = repository::ReadChunkLeaf(reader, list_.list, leaf);
  if (!map.ok()) {
    needs_.BlamePack(list_.list.packs[list_.list.leaves[leaf].pack], map.error());
    return false;
  }
  std::vector<size_t> begins;
  size_t size = bytes.size();
  for (const repository::ChunkEntry& chunk : map->chunks) {
    begins.push_back(size);
    size += chunk.length;
  }
  bytes.resize(size);
  repository::ChunkIdentity chunk_ids(check_.cluster.keys.chunk_key());
  for (uint32_t pack : PacksWithChunks(*map)) {
    Status status = repository::ReadChunksOfPack(
        reader, chunk_ids, *map, pack, [&](size_t chunk, ByteView piece) -> Status {
          std::ranges::copy(piece, bytes.begin() + static_cast<ptrdiff_t>(begins[chunk]));
          return {};
        });
    if (status.ok()) continue;
    needs_.BlamePack(map->packs[pack], status.error());
    return false;
  }
  return true;
}

}  // namespace pgcairn::commands
