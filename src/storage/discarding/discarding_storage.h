// A wrapper for trial runs: reads go to the inner storage, writes and deletes nowhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "storage/forwarding/forwarding_storage.h"

namespace pgcairn::storage {

// Any thread. `inner` outlives it.
class DiscardingStorage : public ForwardingStorage {
 public:
  explicit DiscardingStorage(Storage& inner) : ForwardingStorage(inner) {}

  using Storage::PutIfAbsent;
  // Counts the bytes and keeps nothing, so that a repeated put succeeds too. kRefused for an
  // invalid name.
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Status Delete(std::string_view) override { return {}; }
  std::string Describe() const override { return inner().Describe() + " (nothing is written)"; }

  uint64_t bytes_discarded() const { return bytes_; }

 private:
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace pgcairn::storage
