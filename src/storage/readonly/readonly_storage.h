// Lets only reads through: for commands that promise to change nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "storage/forwarding/forwarding_storage.h"

namespace pgcairn::storage {

class ReadonlyStorage : public ForwardingStorage {
 public:
  explicit ReadonlyStorage(std::shared_ptr<Storage> inner) : ForwardingStorage(std::move(inner)) {}

  // Both are kRefused and send nothing.
  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Status Delete(std::string_view name) override;

  std::string Describe() const override;
};

}  // namespace pgcairn::storage
