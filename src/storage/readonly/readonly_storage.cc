#include "storage/readonly/readonly_storage.h"

#include <fmt/format.h>

namespace pgcairn::storage {
namespace {

Error Refused(std::string_view doing, std::string_view name, const Storage& inner) {
  return {Code::kRefused,
          fmt::format("{} {}: {} was opened for reading only", doing, name, inner.Describe()),
          "this command changes nothing in the repository; use one that is meant to write"};
}

}  // namespace

Status ReadonlyStorage::PutIfAbsent(std::string_view name, std::span<const ByteView>) {
  return Refused("storing", name, *inner_);
}

Status ReadonlyStorage::Delete(std::string_view name) { return Refused("deleting", name, *inner_); }

Result<Bytes> ReadonlyStorage::Get(std::string_view name, uint64_t size_max_bytes) {
  return inner_->Get(name, size_max_bytes);
}

Result<Bytes> ReadonlyStorage::GetRange(std::string_view name, uint64_t offset, uint64_t length) {
  return inner_->GetRange(name, offset, length);
}

Result<ObjectInfo> ReadonlyStorage::Stat(std::string_view name) { return inner_->Stat(name); }

Result<Listing> ReadonlyStorage::List(std::string_view directory) {
  return inner_->List(directory);
}

std::string ReadonlyStorage::Describe() const { return inner_->Describe() + " (read-only)"; }

}  // namespace pgcairn::storage
