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

#include "commands/stream_copier.h"

namespace pgcairn::commands {
namespace {

std::vector<uint32_t> LongestFirst(const std::vector<StreamSource>& sources) {
  std::vector<uint32_t> order(sources.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(),
                           [&](uint32_t number) { return sources[number].bytes_about; });
  return order;
}

}  // namespace

// Who copies what, of one call.
class StreamCopiers::Turns {
 public:
  // `results`: of the sources; more may be there behind them.
  Turns(const StreamTools& tools, const std::vector<StreamSource>& sources,
        std::deque<CopiedSource>& results, size_t first)
      : tools_(tools),
        sources_(sources),
        results_(results),
        order_(LongestFirst(sources)),
        first_(first) {}

  Status Run(std::vector<std::unique_ptr<StreamCopier>>& copiers,
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

  Status CopyInTurn(StreamCopier& copier, postgres::Connection& worker) {
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

  Status Copy(StreamCopier& copier, uint32_t number, postgres::Connection& worker) {
    return copier.Copy(sources_[number], worker, stop_, results_[first_ + number]);
  }

  const StreamTools& tools_;
  const std::vector<StreamSource>& sources_;
  std::deque<CopiedSource>& results_;
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
    copiers_.push_back(std::make_unique<StreamCopier>(tools_));
  }
}

StreamCopiers::~StreamCopiers() = default;

Result<size_t> StreamCopiers::Copy(const std::vector<StreamSource>& sources,
                                   std::vector<postgres::Connection>& workers,
                                   postgres::Connection& locking) {
  CHECK(workers.size() == copiers_.size());
  const size_t first = results_.size();
  results_.resize(first + sources.size());
  Turns turns(tools_, sources, results_, first);
  RETURN_IF_ERROR(turns.Run(copiers_, workers, locking));
  return first;
}

Status StreamCopiers::Flush() {
  for (std::unique_ptr<StreamCopier>& copier : copiers_) RETURN_IF_ERROR(copier->Flush());
  return {};
}

repository::ChunkCounts StreamCopiers::counts() const {
  repository::ChunkCounts counts;
  for (const std::unique_ptr<StreamCopier>& copier : copiers_) counts.Add(copier->counts());
  return counts;
}

uint64_t CopiedSource::bytes() const {
  uint64_t bytes = 0;
  for (const CopiedStream& stream : streams) bytes += stream.bytes;
  return bytes;
}

std::vector<PlacedStream> PlaceCopied(const StreamSource& source, const CopiedSource& copied) {
  std::vector<PlacedStream> all;
  for (const CopiedStream& stream : copied.streams) {
    PlacedStream placed;
    placed.entry.kind = repository::StreamKind::kChunks;
    placed.entry.root = repository::StreamRoot::kDatabase;
    placed.entry.path = source.cut ? fmt::format("{}/{}", source.path, all.size()) : source.path;
    placed.entry.size = stream.bytes;
    placed.entry.leaf_count = static_cast<uint32_t>(stream.leaves.size());
    for (const CopiedStream::Leaf& leaf : stream.leaves) {
      placed.leaves.push_back(leaf.earlier ? PlacedLeaf{nullptr, *leaf.earlier}
                                           : PlacedLeaf{&leaf.stored, 0});
    }
    all.push_back(std::move(placed));
  }
  return all;
}

}  // namespace pgcairn::commands
