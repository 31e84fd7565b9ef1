// A storage in memory, for tests and dry runs: the same contract, gone with the process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "storage/storage.h"

namespace pgcairn::storage {

class MemoryStorage : public Storage {
 public:
  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override;
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override;
  Result<ObjectInfo> Stat(std::string_view name) override;
  Result<Listing> List(std::string_view directory) override;
  Status Delete(std::string_view name) override;
  std::string Describe() const override;

 private:
  struct Object {
    // Shared, so that it can be copied outside the lock while another thread deletes it.
    std::shared_ptr<const Bytes> content;
    Timestamp stored_at;
  };
  Result<Object> Find(std::string_view name) const;
  bool ClashesWithADirectory(std::string_view name) const;

  mutable std::mutex mutex_;
  std::map<std::string, Object, std::less<>> objects_;
};

}  // namespace pgcairn::storage
