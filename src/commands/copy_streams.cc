#include "commands/copy_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "repository/map/known_chunks.h"
#include "repository/pack/blob_reader.h"
#include "sources/logical/row_chunker.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using repository::KnownChunks;

// docs/adr/0010.
constexpr sources::ChunkSizes kRowChunks{512, 2048, 8192};
constexpr size_t kDocumentChunkBytes = 8192;
// What is known of streams that are done is kept until their leaves are stored.
constexpr size_t kStreamsBetweenFlushes = 64;
constexpr uint64_t kBytesBetweenFlushes = uint64_t{512} << 20;
// All threads count in one place, which costs too much for each row.
constexpr uint64_t kBytesBetweenCounts = uint64_t{256} << 10;

std::vector<uint32_t> LongestFirst(const std::vector<StreamSource>& sources) {
  std::vector<uint32_t> order(sources.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(),
                           [&](uint32_t number) { return sources[number].bytes_about; });
  return order;
}

}  // namespace

// One thread's part.
class StreamCopiers::Copier {
 public:
  Copier(const StreamTools& tools, std::deque<CopiedStream>& results)
      : tools_(tools),
        results_(results),
        reader_(tools.cluster),
        writer_(tools.cluster, tools.uploader, tools.metadata, tools.compression_level,
                tools.budget,
                [this](uint32_t stream, uint32_t leaf, const repository::StoredChunkLeaf& stored) {
                  Take(stream, leaf, stored);
                }),
        rows_(tools.cluster.keys.chunk_key(), kRowChunks,
              [this](ByteView chunk) { return writer_.Add(chunk); }),
        document_([this](ByteView chunk) { return writer_.Add(chunk); }) {}

  Status Copy(uint32_t number, const StreamSource& source, postgres::Connection& worker,
              const std::atomic<bool>& stop) {
    known_.push_back(KnownOf(source));
    writer_.BeginStream(number, known_.back().get());
    const uint64_t before = writer_.counts().raw_bytes;
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
      return source.rows ? rows_.Add(piece) : document_.Add(piece);
    };
    Result<uint64_t> rows = source.read(worker, on_piece);
    // Also of one that failed: the next one begins anew.
    RETURN_IF_ERROR(source.rows ? rows_.End() : document_.End());
    RETURN_IF_ERROR(writer_.EndStream());
    ASSIGN_OR_RETURN(results_[number].rows, std::move(rows).Context("copying the " + source.what));
    count(uncounted);
    results_[number].bytes = writer_.counts().raw_bytes - before;
    bytes_since_flush_ += results_[number].bytes;
    const bool full =
        known_.size() >= kStreamsBetweenFlushes || bytes_since_flush_ >= kBytesBetweenFlushes;
    return full && !source.known_paths.empty() ? Flush() : Status();
  }

  Status Flush() {
    RETURN_IF_ERROR(writer_.Flush());
    known_.clear();
    bytes_since_flush_ = 0;
    return {};
  }

  const repository::ChunkCounts& counts() const { return writer_.counts(); }

 private:
  // Cuts a document every so many bytes, wherever its pieces end.
  class DocumentChunker {
   public:
    explicit DocumentChunker(OnPiece on_chunk) : on_chunk_(std::move(on_chunk)) {}

    Status Add(ByteView piece) {
      while (!piece.empty()) {
        const ByteView now =
            piece.first(std::min(piece.size(), kDocumentChunkBytes - chunk_.size()));
        Append(chunk_, now);
        piece = piece.subspan(now.size());
        if (chunk_.size() == kDocumentChunkBytes) RETURN_IF_ERROR(End());
      }
      return {};
    }
    Status End() {
      if (chunk_.empty()) return {};
      Status status = on_chunk_(chunk_);
      chunk_.clear();
      return status;
    }

   private:
    const OnPiece on_chunk_;
    Bytes chunk_;
  };

  // Null when nothing is known.
  std::unique_ptr<KnownChunks> KnownOf(const StreamSource& source) {
    std::unique_ptr<KnownChunks> known;
    for (const std::string& path : source.known_paths) {
      const PreviousMap::Stream* stream =
          tools_.previous.Find(repository::StreamRoot::kDatabase, path);
      if (stream == nullptr) continue;
      if (!known) known = std::make_unique<KnownChunks>();
      for (const PreviousMap::Extent& extent : stream->extents) {
        Result<repository::KnownChunkLeaf> leaf = tools_.previous.ReadChunks(reader_, extent.leaf);
        if (leaf.ok()) {
          known->Add(*std::move(leaf));
        } else {
          LogWarning("what is stored of the {} cannot be compared with and is stored again: {}",
                     source.what, leaf.error().message);
        }
      }
    }
    return known;
  }

  void Take(uint32_t stream, uint32_t leaf, const repository::StoredChunkLeaf& stored) {
    std::vector<CopiedStream::Leaf>& leaves = results_[stream].leaves;
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

  const StreamTools& tools_;
  std::deque<CopiedStream>& results_;
  repository::BlobReader reader_;
  std::vector<std::unique_ptr<KnownChunks>> known_;
  repository::ChunkWriter writer_;
  sources::RowChunker rows_;
  DocumentChunker document_;
  uint64_t bytes_since_flush_ = 0;
};

// Who copies what, of one call.
class StreamCopiers::Turns {
 public:
  Turns(const StreamTools& tools, const std::vector<StreamSource>& sources, size_t first)
      : tools_(tools), sources_(sources), order_(LongestFirst(sources)), first_(first) {}

  Status Run(std::vector<std::unique_ptr<Copier>>& copiers,
             std::vector<postgres::Connection>& workers, postgres::Connection& locking) {
    std::vector<std::thread> threads;
    running_ = workers.size();
    for (size_t i = 0; i < workers.size(); ++i) {
      threads.emplace_back([this, &copier = *copiers[i], &worker = workers[i]] {
        Take(CopyInTurn(copier, worker));
      });
    }
    {
      std::unique_lock lock(mutex_);
      while (!ended_.wait_for(lock, kShowEvery, [&] { return running_ == 0; })) {
        tools_.progress.Show();
      }
    }
    for (std::thread& thread : threads) thread.join();
    RETURN_IF_ERROR(failure_);
    for (uint32_t number : left_) RETURN_IF_ERROR(Copy(*copiers[0], number, locking));
    return {};
  }

 private:
  static constexpr std::chrono::milliseconds kShowEvery{200};

  void Take(const Status& status) {
    std::lock_guard lock(mutex_);
    // Those that were told to stop come later.
    if (!status.ok() && failure_.ok()) failure_ = status;
    if (!status.ok()) stop_ = true;
    --running_;
    ended_.notify_all();
  }

  Status CopyInTurn(Copier& copier, postgres::Connection& worker) {
    for (size_t turn = next_++; turn < order_.size() && !stop_; turn = next_++) {
      const StreamSource& source = sources_[order_[turn]];
      Result<bool> may_read = source.may_read ? source.may_read(worker) : Result<bool>(true);
      ASSIGN_OR_RETURN(bool readable, std::move(may_read).Context("locking the " + source.what));
      if (readable) {
        RETURN_IF_ERROR(Copy(copier, order_[turn], worker));
      } else {
        std::lock_guard lock(mutex_);
        left_.push_back(order_[turn]);
      }
    }
    return {};
  }

  Status Copy(Copier& copier, uint32_t number, postgres::Connection& worker) {
    return copier.Copy(static_cast<uint32_t>(first_ + number), sources_[number], worker, stop_);
  }

  const StreamTools& tools_;
  const std::vector<StreamSource>& sources_;
  const std::vector<uint32_t> order_;
  const size_t first_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable ended_;
  size_t running_ = 0;
  std::vector<uint32_t> left_;
  Status failure_;
};

StreamCopiers::StreamCopiers(const StreamTools& tools, size_t threads) : tools_(tools) {
  CHECK(threads > 0);
  for (size_t i = 0; i < threads; ++i) {
    copiers_.push_back(std::make_unique<Copier>(tools_, results_));
  }
}

StreamCopiers::~StreamCopiers() = default;

Result<size_t> StreamCopiers::Copy(const std::vector<StreamSource>& sources,
                                   std::vector<postgres::Connection>& workers,
                                   postgres::Connection& locking) {
  CHECK(workers.size() == copiers_.size());
  const size_t first = results_.size();
  results_.resize(first + sources.size());
  Turns turns(tools_, sources, first);
  RETURN_IF_ERROR(turns.Run(copiers_, workers, locking));
  return first;
}

Status StreamCopiers::Flush() {
  for (std::unique_ptr<Copier>& copier : copiers_) RETURN_IF_ERROR(copier->Flush());
  return {};
}

repository::ChunkCounts StreamCopiers::counts() const {
  repository::ChunkCounts counts;
  for (const std::unique_ptr<Copier>& copier : copiers_) counts.Add(copier->counts());
  return counts;
}

PlacedStream PlaceStream(const std::string& path, const CopiedStream& copied) {
  PlacedStream placed;
  placed.entry.kind = repository::StreamKind::kChunks;
  placed.entry.root = repository::StreamRoot::kDatabase;
  placed.entry.path = path;
  placed.entry.size = copied.bytes;
  placed.entry.leaf_count = static_cast<uint32_t>(copied.leaves.size());
  for (const CopiedStream::Leaf& leaf : copied.leaves) {
    placed.leaves.push_back(leaf.earlier ? PlacedLeaf{nullptr, *leaf.earlier}
                                         : PlacedLeaf{&leaf.stored, 0});
  }
  return placed;
}

}  // namespace pgcairn::commands
