// Reads a storage as if some of its objects were absent: answers "what is left without them?".
#pragma once

#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>

#include "storage/forwarding/forwarding_storage.h"

namespace pgcairn::storage {

// Lets only reads through: an absence that is pretended must not decide a put.
class HidingStorage : public ForwardingStorage {
 public:
  explicit HidingStorage(std::shared_ptr<Storage> inner) : ForwardingStorage(std::move(inner)) {}

  // From now on `name` is absent (Hide) or what it is in the inner storage (Show). Any thread.
  void Hide(std::string_view name);
  void Show(std::string_view name);

  // Both are kRefused and send nothing.
  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Status Delete(std::string_view name) override;

  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override;
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override;
  Result<ObjectInfo> Stat(std::string_view name) override;
  Result<Listing> List(std::string_view directory) override;

 private:
  bool IsHidden(std::string_view name) const;

  mutable std::shared_mutex mutex_;
  std::set<std::string, std::less<>> hidden_;
};

}  // namespace pgcairn::storage
