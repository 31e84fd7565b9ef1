// Stores finished packs while the next ones are made.
#pragma once

#include <cstdint>
#include <mutex>
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
  // When this returns OK, every pack that was submitted is durable.
  Status Finish();
  // All packs that were stored; only after Finish.
  std::vector<StoredPack> Stored() const { return stored_; }

 private:
  void Run();

  storage::Storage& storage_;
  const ClusterNames names_;
  BoundedQueue<FinishedPack> queue_;
  mutable std::mutex mutex_;
  Status failure_;
  std::vector<StoredPack> stored_;
  std::vector<std::thread> threads_;
};

}  // namespace pgcairn::repository
