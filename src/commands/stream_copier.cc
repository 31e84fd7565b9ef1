#include "commands/stream_copier.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "util/log.h"

namespace pgcairn::commands {
namespace {

using repository::KnownChunks;

// docs/adr/0010.
constexpr sources::ChunkSizes kRowChunks{512, 2048, 8192};
constexpr size_t kDocumentChunkBytes = 8192;
// A stream of rows that is cut ends with the first leaf that does at a row's end behind these: as
// much as one session of a restore loads in one transaction.
constexpr uint64_t kCutBytesMin = uint64_t{64} << 20;
// All threads count in one place, which costs too much for each row.
constexpr uint64_t kBytesBetweenCounts = uint64_t{256} << 10;

}  // namespace

Status DocumentChunker::Add(ByteView piece) {
  while (!piece.empty()) {
    const ByteView now = piece.first(std::min(piece.size(), kDocumentChunkBytes - chunk_.size()));
    Append(chunk_, now);
    piece = piece.subspan(now.size());
    if (chunk_.size() == kDocumentChunkBytes) RETURN_IF_ERROR(End());
  }
  return {};
}

Status DocumentChunker::End() {
  if (chunk_.empty()) return {};
  Status status = on_chunk_(chunk_);
  chunk_.clear();
  return status;
}

StreamCopier::StreamCopier(const StreamTools& tools)
    : tools_(tools),
      reader_(tools.cluster),
      writer_(tools.cluster, tools.uploader, tools.metadata, tools.compression_level, tools.budget,
              [this](uint32_t stream, uint32_t leaf, const repository::StoredChunkLeaf& stored) {
                Take(stream, leaf, stored);
              }),
      rows_(tools.cluster.keys.chunk_key(), kRowChunks,
            [this](ByteView chunk) { return writer_.Add(chunk); }),
      document_([this](ByteView chunk) { return writer_.Add(chunk); }) {}

Status StreamCopier::Copy(const StreamSource& source, postgres::Connection& worker,
                          const std::atomic<bool>& stop, CopiedSource& copied) {
  const Earlier earlier = FindEarlier(source);
  StreamWindow window(source.cut ? earlier.streams.size() : 0);
  std::vector<size_t> all(earlier.streams.size());
  std::iota(all.begin(), all.end(), size_t{0});
  Load(source, earlier, source.cut ? window.streams() : all);
  Begin(copied);
  uint64_t uncounted = source.bytes_about;
  auto count = [&](uint64_t bytes) {
    const uint64_t now = std::min(bytes, uncounted);
    tools_.progress.Add(now);
    uncounted -= now;
  };
  uint64_t waiting = 0;
  auto on_piece = [&](ByteView piece) -> Status {
    if (stop) return Error{Code::kCancelled, "another part of the backup failed", ""};
    waiting += piece.size();
    if (waiting >= kBytesBetweenCounts) count(std::exchange(waiting, 0));
    return source.rows ? AddRow(source, earlier, window, copied, piece) : document_.Add(piece);
  };
  Result<uint64_t> rows = source.read(worker, on_piece);
  // Also of one that failed: the next one begins anew.
  Status last_chunk = source.rows ? rows_.End() : document_.End();
  RETURN_IF_ERROR(End(copied));
  RETURN_IF_ERROR(last_chunk);
  ASSIGN_OR_RETURN(copied.rows, std::move(rows).Context("copying the " + source.what));
  count(uncounted);
  return {};
}

Status StreamCopier::AddRow(const StreamSource& source, const Earlier& earlier,
                            StreamWindow& window, CopiedSource& copied, ByteView row) {
  RETURN_IF_ERROR(rows_.Add(row));
  // Not within a row that is longer than a chunk.
  const bool may_end = source.cut && rows_.is_between_chunks() && writer_.is_between_leaves();
  if (!may_end || writer_.counts().raw_bytes - begun_at_ < kCutBytesMin) return {};
  return Next(source, earlier, window, copied);
}

Status StreamCopier::Next(const StreamSource& source, const Earlier& earlier, StreamWindow& window,
                          CopiedSource& copied) {
  std::optional<size_t> last_known;
  if (auto leaf = writer_.last_known_leaf()) last_known = earlier.stream_of_leaf.at(*leaf);
  RETURN_IF_ERROR(End(copied));
  if (window.MoveOn(last_known)) Load(source, earlier, window.streams());
  Begin(copied);
  return {};
}

void StreamCopier::Begin(CopiedSource& copied) {
  copied.streams.emplace_back();
  writer_.BeginStream(static_cast<uint32_t>(targets_.size()), known_.get());
  targets_.push_back(&copied.streams.back());
  begun_at_ = writer_.counts().raw_bytes;
}

Status StreamCopier::End(CopiedSource& copied) {
  RETURN_IF_ERROR(writer_.EndStream());
  copied.streams.back().bytes = writer_.counts().raw_bytes - begun_at_;
  return {};
}

Status StreamCopier::Flush() {
  RETURN_IF_ERROR(writer_.Flush());
  targets_.clear();
  return {};
}

StreamCopier::Earlier StreamCopier::FindEarlier(const StreamSource& source) const {
  Earlier earlier;
  auto add = [&](const std::string& path) {
    const PreviousMap::Stream* stream =
        tools_.previous.Find(repository::StreamRoot::kDatabase, path);
    if (stream == nullptr) return false;
    for (const PreviousMap::Extent& extent : stream->extents) {
      earlier.stream_of_leaf.emplace(extent.leaf, earlier.streams.size());
    }
    earlier.streams.push_back(stream);
    return true;
  };
  for (const std::string& path : source.known_paths) add(path);
  while (source.cut && add(fmt::format("{}/{}", source.path, earlier.streams.size()))) {
  }
  return earlier;
}

void StreamCopier::Load(const StreamSource& source, const Earlier& earlier,
                        const std::vector<size_t>& numbers) {
  known_.reset();
  if (numbers.empty()) return;
  known_ = std::make_unique<KnownChunks>();
  for (size_t number : numbers) {
    for (const PreviousMap::Extent& extent : earlier.streams[number]->extents) {
      if (unreadable_.contains(extent.leaf)) continue;
      Result<repository::KnownChunkLeaf> leaf = tools_.previous.ReadChunks(reader_, extent.leaf);
      if (leaf.ok()) {
        known_->Add(*std::move(leaf));
        continue;
      }
      unreadable_.insert(extent.leaf);
      LogWarning("what is stored of the {} cannot be compared with and is stored again: {}",
                 source.what, leaf.error().message);
    }
  }
}

void StreamCopier::Take(uint32_t stream, uint32_t leaf, const repository::StoredChunkLeaf& stored) {
  std::vector<CopiedStream::Leaf>& leaves = targets_[stream]->leaves;
  if (leaves.size() <= leaf) leaves.resize(leaf + 1);
  if (stored.unchanged != nullptr) {
    leaves[leaf].earlier = stored.unchanged->number;
    return;
  }
  leaves[leaf].stored.blob = stored.blob;
  for (const repository::PackBytes& use : stored.uses) {
    leaves[leaf].stored.uses.push_back(
        {tools_.previous.data_packs().NumberOf(use.pack), use.bytes});
  }
}

}  // namespace pgcairn::commands
