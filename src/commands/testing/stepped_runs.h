// Two runs on one storage, stopped and continued at chosen requests: every interleaving that two
// changes of turn can make, as far as they can tell each other by it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "format/runs.pb.h"
#include "repository/header.h"
#include "repository/seal/document.h"
#include "storage/forwarding/forwarding_storage.h"
#include "util/result.h"

namespace pgcairn::commands::testing {

// Requests that write, and those that read what runs tell each other, wait for their turn. One
// thread makes them, another one hands out turns.
class SteppedStorage : public storage::Storage {
 public:
  explicit SteppedStorage(storage::Storage& inner) : inner_(inner) {}

  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override {
    AwaitTurn();
    return inner_.PutIfAbsent(name, parts);
  }
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override {
    AwaitTurnToRead(name);
    return inner_.Get(name, size_max_bytes);
  }
  // The start of an object tells no more than its name.
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override {
    return inner_.GetRange(name, offset, into);
  }
  Result<storage::ObjectInfo> Stat(std::string_view name) override {
    AwaitTurnToRead(name);
    return inner_.Stat(name);
  }
  Result<storage::Listing> List(std::string_view directory) override {
    AwaitTurnToRead(directory);
    return inner_.List(directory);
  }
  Status Delete(std::string_view name) override {
    AwaitTurn();
    return inner_.Delete(name);
  }
  std::string Describe() const override { return inner_.Describe(); }

  // Lets `turns` more requests through, and returns when the next one waits or all is done.
  void Allow(uint64_t turns) {
    std::unique_lock lock(mutex_);
    turns_ = turns;
    changed_.notify_all();
    changed_.wait(lock, [&] { return done_ || (turns_ == 0 && waiting_); });
  }
  void Done() {
    std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  bool done() {
    std::lock_guard lock(mutex_);
    return done_;
  }

 private:
  void AwaitTurnToRead(std::string_view name) {
    for (std::string_view folder : {"/leases", "/trash", "/backups", "/checkpoints"}) {
      if (name.find(folder) != std::string_view::npos) return AwaitTurn();
    }
  }
  void AwaitTurn() {
    std::unique_lock lock(mutex_);
    if (turns_ == 0) {
      waiting_ = true;
      changed_.notify_all();
      changed_.wait(lock, [&] { return turns_ > 0; });
      waiting_ = false;
    }
    --turns_;
  }

  storage::Storage& inner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t turns_ = 0;
  bool waiting_ = false;
  bool done_ = false;
};

// Makes leases and trash look as if another process had written them.
class ElsewhereStorage : public storage::ForwardingStorage {
 public:
  using Change = std::function<void(format::ProcessIdentity&)>;
  ElsewhereStorage(storage::Storage& inner, const repository::ClusterAccess& cluster, Change change)
      : ForwardingStorage(inner), cluster_(cluster), change_(std::move(change)) {}

  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override {
    Bytes whole;
    for (ByteView part : parts) Append(whole, part);
    if (name.find("/leases/") != std::string_view::npos) {
      whole = Changed<format::Lease>(repository::ObjectKind::kLease, whole);
    } else if (name.find("/trash/") != std::string_view::npos) {
      whole = Changed<format::Trash>(repository::ObjectKind::kTrash, whole);
    }
    ByteView view(whole);
    return inner().PutIfAbsent(name, std::span<const ByteView>(&view, 1));
  }

  static void OnAnotherHost(format::ProcessIdentity& process) { process.set_host("elsewhere"); }
  static void BeforeTheLastBoot(format::ProcessIdentity& process) {
    process.set_boot_id("00000000-0000-0000-0000-000000000000");
  }

 private:
  template <typename Message>
  Bytes Changed(repository::ObjectKind kind, ByteView object) {
    Result<std::string> text =
        repository::OpenDocument(kind, object, cluster_.place, cluster_.keys.Lookup());
    Message message;
    CHECK(text.ok() && message.ParseFromString(*text));
    change_(*message.mutable_process());
    Result<Bytes> sealed = repository::SealDocument(kind, cluster_.keys.Current(), cluster_.place,
                                                    message.SerializeAsString());
    CHECK(sealed.ok());
    return std::move(sealed).value();
  }

  const repository::ClusterAccess& cluster_;
  const Change change_;
};

// A run in a thread of its own, which waits before each request.
class SteppedRun {
 public:
  SteppedRun(storage::Storage& inner, const std::function<Status(storage::Storage&)>& run)
      : storage_(inner), thread_([this, run] {
          Status ended = run(storage_);
          result_ = ended;
          storage_.Done();
        }) {}
  SteppedRun(const SteppedRun&) = delete;
  SteppedRun& operator=(const SteppedRun&) = delete;
  ~SteppedRun() {
    static_cast<void>(Finish());
    thread_.join();
  }

  void Allow(uint64_t requests) {
    if (requests > 0 && !storage_.done()) storage_.Allow(requests);
  }
  Status Finish() {
    if (!storage_.done()) storage_.Allow(std::numeric_limits<uint64_t>::max());
    return *result_;
  }
  bool done() { return storage_.done(); }

 private:
  SteppedStorage storage_;
  std::optional<Status> result_;
  std::thread thread_;
};

}  // namespace pgcairn::commands::testing
