// Lets only reads through: for commands that promise to change nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "storage/storage.h"

namespace pgcairn::storage {

class ReadonlyStorage : public Storage {
 public:
  explicit ReadonlyStorage(std::shared_ptr<Storage> inner) : inner_(std::move(inner)) {}

  // Both are kRefused and send nothing.
  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Status Delete(std::string_view name) override;

  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override;
  Result<Bytes> GetRange(std::string_view name, uint64_t offset, uint64_t length) override;
  Result<ObjectInfo> Stat(std::string_view name) override;
  Result<Listing> List(std::string_view directory) override;
  std::string Describe() const override;

 private:
  const std::shared_ptr<Storage> inner_;
};

}  // namespace pgcairn::storage
