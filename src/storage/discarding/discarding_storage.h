// A wrapper for trial runs: reads go to the inner storage, writes and deletes nowhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "storage/storage.h"

namespace pgcairn::storage {

// Any thread. `inner` outlives it.
class DiscardingStorage : public Storage {
 public:
  explicit DiscardingStorage(Storage& inner) : inner_(inner) {}

  using Storage::PutIfAbsent;
  // Counts the bytes and keeps nothing, so that a repeated put succeeds too. kRefused for an
  // invalid name.
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override {
    return inner_.Get(name, size_max_bytes);
  }
  Result<Bytes> GetRange(std::string_view name, uint64_t offset, uint64_t length) override {
    return inner_.GetRange(name, offset, length);
  }
  Result<ObjectInfo> Stat(std::string_view name) override { return inner_.Stat(name); }
  Result<Listing> List(std::string_view directory) override { return inner_.List(directory); }
  Status Delete(std::string_view) override { return {}; }
  std::string Describe() const override { return inner_.Describe() + " (nothing is written)"; }

  uint64_t bytes_discarded() const { return bytes_; }

 private:
  Storage& inner_;
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace pgcairn::storage
