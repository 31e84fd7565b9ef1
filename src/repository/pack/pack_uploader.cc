#include "repository/pack/pack_uploader.h"

#include <algorithm>
#include <utility>

namespace pgcairn::repository {

PackUploader::PackUploader(storage::Storage& storage, ClusterNames names, size_t threads,
                           size_t in_flight)
    : storage_(storage), names_(std::move(names)), queue_(in_flight) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

PackUploader::~PackUploader() {
  {
    std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = Error{Code::kCancelled, "storing packs was given up", ""};
  }
  queue_.Close();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

Status PackUploader::Submit(FinishedPack pack) {
  uint64_t serial = 0;
  {
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(failure_);
    serial = submitted_++;
    open_.insert(serial);
  }
  if (queue_.Push({std::move(pack), serial})) return {};
  std::lock_guard lock(mutex_);
  open_.erase(serial);
  return failure_.ok() ? Error{Code::kCancelled, "storing packs has ended", ""} : failure_;
}

Status PackUploader::Drain() {
  std::unique_lock lock(mutex_);
  const uint64_t wanted = submitted_;
  ended_.wait(lock, [&] { return open_.empty() || *open_.begin() >= wanted || !failure_.ok(); });
  return failure_;
}

std::vector<StoredPack> PackUploader::Stored(size_t skip) const {
  std::lock_guard lock(mutex_);
  return {stored_.begin() + static_cast<ptrdiff_t>(std::min(skip, stored_.size())), stored_.end()};
}

Status PackUploader::Finish() {
  queue_.Close();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  std::lock_guard lock(mutex_);
  return failure_;
}

void PackUploader::Run() {
  while (std::optional<Waiting> waiting = queue_.Pop()) {
    const FinishedPack* pack = &waiting->pack;
    {
      std::lock_guard lock(mutex_);
      if (!failure_.ok()) {
        open_.erase(waiting->serial);
        continue;
      }
    }
    std::string name = names_.Pack(pack->reference.sha256);
    Status put = storage_.PutIfAbsent(name, pack->view()).Context("storing the pack " + name);
    // The name is the hash of the bytes: a pack that is there already is this one.
    bool stored = put.ok() || put.code() == Code::kAlreadyExists;
    std::lock_guard lock(mutex_);
    open_.erase(waiting->serial);
    ended_.notify_all();
    if (stored) {
      stored_.push_back({pack->reference.sha256, pack->reference.length});
      stored_bytes_ += pack->reference.length;
    } else if (failure_.ok()) {
      failure_ = put;
    }
  }
}

}  // namespace pgcairn::repository
