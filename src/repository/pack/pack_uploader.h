// Stores finished packs while the next ones are made.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "repository/names.h"
#include "repository/pack/pack_builder.h"
#include "storage/storage.h"
#include "util/bounded_queue.h"
#include "util/result.h"

namespace pgcairn::repository {

// Memory: at most `in_flight` packs wait or are being stored. Submit may be called from many
// threads.
class PackUploader {
 public:
  PackUploader(storage::Storage& storage, ClusterNames names, size_t threads, size_t in_flight);
  // Drops what waits when Finish was not called.
  ~PackUploader();

  // Blocks while `in_flight` packs are waiting. An earlier failure is returned at once.
  Status Submit(FinishedPack pack);
  // When this returns OK, every pack that was submitted before the call is durable. Submit may go
  // on.
  Status Drain();
  // When this returns OK, every pack that was submitted is durable.
  Status Finish();
  // Packs that were stored so far, but for the first `skip` of them, in the order of their ends.
  std::vector<StoredPack> Stored(size_t skip = 0) const;
  uint64_t stored_bytes() const { return stored_bytes_; }

 private:
  struct Waiting {
    FinishedPack pack;
    uint64_t serial = 0;
  };

  void Run();

  storage::Storage& storage_;
  const ClusterNames names_;
  BoundedQueue<Waiting> queue_;
  mutable std::mutex mutex_;
  Status failure_;
  std::condition_variable ended_;
  uint64_t submitted_ = 0;
  // Serials of packs that are neither stored nor dropped after a failure. Packs are not stored in
  // the order in which they came.
  std::set<uint64_t> open_;
  std::atomic<uint64_t> stored_bytes_{0};
  std::vector<StoredPack> stored_;
  std::vector<std::thread> threads_;
};

}  // namespace pgcairn::repository
