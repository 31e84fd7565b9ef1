#include "repository/map/chunk_writer.h"

#include <utility>

namespace pgcairn::repository {
namespace {

constexpr size_t kChunksWaitingBytesMax = size_t{8} * 1024 * 1024;
constexpr size_t kLeafChunksMin = 512;

// Leaves end where the rows say so, as chunks do: a leaf behind a change is what it was, and serves
// again.
bool EndsLeaf(const ChunkId& id) { return LoadLe<uint16_t>(id.bytes.data()) % 2048 == 0; }

}  // namespace

void ChunkCounts::Add(const ChunkCounts& other) {
  chunks += other.chunks;
  raw_bytes += other.raw_bytes;
  new_chunks += other.new_chunks;
  new_raw_bytes += other.new_raw_bytes;
  compacted_raw_bytes += other.compacted_raw_bytes;
  stored_bytes += other.stored_bytes;
  compacted_bytes += other.compacted_bytes;
}

ChunkWriter::ChunkWriter(const ClusterAccess& cluster, PackUploader& uploader,
                         MetadataWriter& metadata, int level, CompactionBudget* budget,
                         OnLeaf on_leaf)
    : cluster_(cluster),
      uploader_(uploader),
      metadata_(metadata),
      budget_(budget),
      on_leaf_(std::move(on_leaf)),
      identity_(cluster.keys.chunk_key()),
      encoder_(level, Encoder::Content::kRows) {}

void ChunkWriter::BeginStream(uint32_t stream, const KnownChunks* known) {
  CHECK(!in_stream_);
  in_stream_ = true;
  stream_ = stream;
  leaves_ = 0;
  known_ = known;
  next_.reset();
  last_known_leaf_.reset();
}

Status ChunkWriter::Add(ByteView chunk) {
  CHECK(in_stream_ && !chunk.empty() && chunk.size() <= kChunkBytesMax);
  if (!current_) current_.emplace(Leaf{stream_, leaves_++, {}});
  const ChunkId id = identity_.Of(chunk);
  const auto length = static_cast<uint32_t>(chunk.size());
  ++counts_.chunks;
  counts_.raw_bytes += length;
  std::optional<KnownChunk> same =
      known_ == nullptr ? std::nullopt : known_->Find(id, length, next_);
  next_.reset();
  if (same) {
    next_ = KnownChunk{same->leaf, same->entry + 1};
    last_known_leaf_ = same->leaf->number;
  }
  if (!same) {
    ++counts_.new_chunks;
    counts_.new_raw_bytes += length;
    RETURN_IF_ERROR(Store(changed_, chunk, id));
  } else if (same->verdict() == PackVerdict::kToEmpty && budget_ != nullptr &&
             budget_->Take(same->pack(), same->StoredBytes())) {
    counts_.compacted_raw_bytes += length;
    RETURN_IF_ERROR(Store(compacted_, chunk, id));
  } else {
    current_->builder.Keep(*same);
  }
  const size_t count = current_->builder.chunk_count();
  const bool full = count == kLeafChunksMax || (count >= kLeafChunksMin && EndsLeaf(id));
  return full ? EndLeaf() : Status();
}

Status ChunkWriter::Store(Sink& sink, ByteView chunk, const ChunkId& id) {
  if (sink.blob.size() + chunk.size() > kBlobBytesTarget) RETURN_IF_ERROR(FlushBlob(sink));
  if (sink.blob.empty()) {
    sink.blob.reserve(kBlobBytesTarget);
    sink.blob_serial = blob_serials_++;
  }
  current_->builder.AddStored(sink.blob_serial, static_cast<uint32_t>(sink.blob.size()),
                              static_cast<uint32_t>(chunk.size()), id);
  Append(sink.blob, chunk);
  return {};
}

Status ChunkWriter::FlushBlob(Sink& sink) {
  if (sink.blob.empty()) return {};
  if (sink.pack && !sink.pack->HasRoom(sink.blob.size())) RETURN_IF_ERROR(ClosePack(sink));
  if (!sink.pack) {
    ASSIGN_OR_RETURN(PackBuilder pack,
                     PackBuilder::Begin(ObjectKind::kDataPack, cluster_.keys.Current(),
                                        cluster_.place, &encoder_));
    sink.pack.emplace(std::move(pack));
    sink.pack_serial = static_cast<uint32_t>(packs_.size());
    packs_.emplace_back();
  }
  ASSIGN_OR_RETURN(BlobLocation location, sink.pack->Add(sink.blob));
  (&sink == &compacted_ ? counts_.compacted_bytes : counts_.stored_bytes) += location.stored_length;
  for (Leaf& leaf : waiting_) leaf.builder.SetBlob(sink.blob_serial, sink.pack_serial, location);
  if (current_) current_->builder.SetBlob(sink.blob_serial, sink.pack_serial, location);
  sink.blob.clear();
  return {};
}

Status ChunkWriter::ClosePack(Sink& sink) {
  if (!sink.pack) return {};
  FinishedPack finished = sink.pack->Finish();
  sink.pack.reset();
  packs_[sink.pack_serial] = finished.reference;
  return uploader_.Submit(std::move(finished));
}

Status ChunkWriter::EndLeaf() {
  if (!current_) return {};
  Leaf leaf = *std::move(current_);
  current_.reset();
  leaf.builder.Close();
  if (leaf.builder.unchanged() != nullptr) {
    StoredChunkLeaf unchanged;
    unchanged.raw_bytes = leaf.builder.raw_bytes();
    unchanged.chunks = static_cast<uint32_t>(leaf.builder.chunk_count());
    unchanged.unchanged = leaf.builder.unchanged();
    on_leaf_(leaf.stream, leaf.number, unchanged);
    return {};
  }
  waiting_bytes_ += leaf.builder.memory_bytes();
  waiting_.push_back(std::move(leaf));
  if (waiting_bytes_ >= kChunksWaitingBytesMax) return Flush();
  return StoreReadyLeaves();
}

Status ChunkWriter::EndStream() {
  CHECK(in_stream_);
  RETURN_IF_ERROR(EndLeaf());
  in_stream_ = false;
  known_ = nullptr;
  return {};
}

Status ChunkWriter::StoreReadyLeaves() {
  for (auto leaf = waiting_.begin(); leaf != waiting_.end();) {
    if (!leaf->builder.IsReady(packs_)) {
      ++leaf;
      continue;
    }
    StoredChunkLeaf stored;
    stored.raw_bytes = leaf->builder.raw_bytes();
    stored.chunks = static_cast<uint32_t>(leaf->builder.chunk_count());
    ASSIGN_OR_RETURN(stored.blob, metadata_.Add(leaf->builder.Encode(packs_)));
    stored.blob.units = static_cast<uint16_t>(stored.chunks);
    stored.uses = leaf->builder.Uses(packs_);
    on_leaf_(leaf->stream, leaf->number, stored);
    waiting_bytes_ -= leaf->builder.memory_bytes();
    leaf = waiting_.erase(leaf);
  }
  return {};
}

Status ChunkWriter::Flush() {
  CHECK(!current_);
  for (Sink* sink : {&changed_, &compacted_}) {
    RETURN_IF_ERROR(FlushBlob(*sink));
    RETURN_IF_ERROR(ClosePack(*sink));
  }
  RETURN_IF_ERROR(StoreReadyLeaves());
  CHECK(waiting_.empty());
  return {};
}

}  // namespace pgcairn::repository
