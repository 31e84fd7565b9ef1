// The base of wrappers: passes every request on, so that each of them says only what it changes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "storage/storage.h"

namespace pgcairn::storage {

// As safe for many threads as the inner storage.
class ForwardingStorage : public Storage {
 public:
  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override {
    return inner_->PutIfAbsent(name, parts);
  }
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override {
    return inner_->Get(name, size_max_bytes);
  }
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override {
    return inner_->GetRange(name, offset, into);
  }
  Result<ObjectInfo> Stat(std::string_view name) override { return inner_->Stat(name); }
  Result<Listing> List(std::string_view directory) override { return inner_->List(directory); }
  Status Delete(std::string_view name) override { return inner_->Delete(name); }
  std::string Describe() const override { return inner_->Describe(); }

 protected:
  explicit ForwardingStorage(std::shared_ptr<Storage> inner) : inner_(std::move(inner)) {}
  // `inner` outlives this.
  explicit ForwardingStorage(Storage& inner) : inner_(std::shared_ptr<Storage>(), &inner) {}

  Storage& inner() const { return *inner_; }

 private:
  const std::shared_ptr<Storage> inner_;
};

}  // namespace pgcairn::storage
