#include "repository/map/known_chunks.h"

#include <utility>

namespace pgcairn::repository {
namespace {

bool Fits(const KnownChunk& known, const ChunkId& id, uint32_t length) {
  const ChunkEntry& chunk = known.chunk();
  return chunk.id == id && chunk.length == length && known.verdict() != PackVerdict::kLost;
}

}  // namespace

void KnownChunks::Add(KnownChunkLeaf leaf) {
  CHECK(leaf.verdicts.size() == leaf.leaf.packs.size());
  leaves_.push_back(std::move(leaf));
  const KnownChunkLeaf& added = leaves_.back();
  for (uint32_t entry = 0; entry < added.leaf.chunks.size(); ++entry) {
    const KnownChunk known{&added, entry};
    if (known.verdict() == PackVerdict::kLost) continue;
    auto [at, is_first] = by_id_.emplace(known.chunk().id, known);
    if (!is_first && known.verdict() == PackVerdict::kUsable) at->second = known;
  }
}

std::optional<KnownChunk> KnownChunks::Find(const ChunkId& id, uint32_t length,
                                            const std::optional<KnownChunk>& near) const {
  if (near && near->entry < near->leaf->leaf.chunks.size() && Fits(*near, id, length)) return near;
  auto found = by_id_.find(id);
  if (found == by_id_.end() || !Fits(found->second, id, length)) return std::nullopt;
  return found->second;
}

}  // namespace pgcairn::repository
