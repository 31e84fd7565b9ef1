#include "repository/map/chunk_leaf_builder.h"

#include <algorithm>
#include <utility>

namespace pgcairn::repository {

uint32_t ChunkLeafBuilder::IndexOf(const PackReference& pack) {
  auto [at, is_new] = kept_packs_.emplace(&pack, static_cast<uint32_t>(packs_.size()));
  if (is_new) packs_.push_back({pack, 0});
  return at->second;
}

void ChunkLeafBuilder::Keep(const KnownChunk& known) {
  CHECK(chunks_.size() < kLeafChunksMax);
  if (chunks_.empty()) same_as_ = known.leaf;
  is_same_ = is_same_ && same_as_ == known.leaf && known.entry == chunks_.size();
  const TableBlob& blob = known.blob();
  auto [at, is_new] = kept_blobs_.emplace(&blob, static_cast<uint16_t>(blobs_.size()));
  if (is_new) {
    blobs_.push_back(blob);
    blobs_.back().pack = IndexOf(known.leaf->leaf.packs[blob.pack]);
    blob_bytes_.push_back(0);
  }
  ChunkEntry chunk = known.chunk();
  chunk.blob = at->second;
  blob_bytes_[chunk.blob] += chunk.length;
  raw_bytes_ += chunk.length;
  chunks_.push_back(chunk);
}

void ChunkLeafBuilder::AddStored(uint32_t blob_serial, uint32_t place, uint32_t length,
                                 const ChunkId& id) {
  CHECK(chunks_.size() < kLeafChunksMax);
  is_same_ = false;
  auto [at, is_new] = open_blobs_.emplace(blob_serial, static_cast<uint16_t>(blobs_.size()));
  if (is_new) {
    blobs_.emplace_back();
    blob_bytes_.push_back(0);
  }
  blob_bytes_[at->second] += length;
  raw_bytes_ += length;
  chunks_.push_back({at->second, place, length, id});
}

void ChunkLeafBuilder::SetBlob(uint32_t blob_serial, uint32_t pack_serial,
                               const BlobLocation& location) {
  auto open = open_blobs_.find(blob_serial);
  if (open == open_blobs_.end()) return;
  auto same = [&](const Pack& pack) { return !pack.known && pack.serial == pack_serial; };
  auto found = std::ranges::find_if(packs_, same);
  TableBlob& blob = blobs_[open->second];
  blob.pack = static_cast<uint32_t>(found - packs_.begin());
  blob.location = location;
  if (found == packs_.end()) packs_.push_back({std::nullopt, pack_serial});
  open_blobs_.erase(open);
}

void ChunkLeafBuilder::Close() {
  if (is_same_ && same_as_ != nullptr && same_as_->reusable &&
      chunks_.size() == same_as_->leaf.chunks.size()) {
    unchanged_ = same_as_;
  }
  same_as_ = nullptr;
  kept_blobs_.clear();
  kept_packs_.clear();
}

bool ChunkLeafBuilder::IsReady(const std::vector<std::optional<PackReference>>& closed) const {
  return open_blobs_.empty() && std::ranges::all_of(packs_, [&](const Pack& pack) {
           return pack.known || (pack.serial < closed.size() && closed[pack.serial]);
         });
}

std::vector<PackReference> ChunkLeafBuilder::Named(
    const std::vector<std::optional<PackReference>>& closed) const {
  std::vector<PackReference> packs;
  packs.reserve(packs_.size());
  for (const Pack& pack : packs_) packs.push_back(pack.known ? *pack.known : *closed[pack.serial]);
  return packs;
}

Bytes ChunkLeafBuilder::Encode(const std::vector<std::optional<PackReference>>& closed) const {
  return EncodeChunkLeaf({Named(closed), blobs_, chunks_});
}

std::vector<PackBytes> ChunkLeafBuilder::Uses(
    const std::vector<std::optional<PackReference>>& closed) const {
  const std::vector<PackReference> packs = Named(closed);
  // Several earlier leaves may name the same pack.
  std::map<crypto::Sha256Digest, PackBytes> uses;
  for (size_t i = 0; i < blobs_.size(); ++i) {
    PackBytes& use = uses[packs[blobs_[i].pack].sha256];
    use.pack = {packs[blobs_[i].pack].sha256, packs[blobs_[i].pack].length};
    use.bytes += static_cast<uint32_t>(NeededBytes(blobs_[i].location, blob_bytes_[i]));
  }
  std::vector<PackBytes> result;
  for (const auto& [sha256, use] : uses) result.push_back(use);
  return result;
}

}  // namespace pgcairn::repository
