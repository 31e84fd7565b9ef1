#include "storage/counting/counting_storage.h"

namespace pgcairn::storage {

RequestCount CountingStorage::Count(Request kind) const {
  const Counters& counters = counters_[static_cast<size_t>(kind)];
  return {counters.requests.load(), counters.failed.load(), counters.bytes.load()};
}

void CountingStorage::Add(Request kind, const Status& status, uint64_t bytes) {
  Counters& counters = counters_[static_cast<size_t>(kind)];
  counters.requests.fetch_add(1, std::memory_order_relaxed);
  if (status.ok()) {
    counters.bytes.fetch_add(bytes, std::memory_order_relaxed);
  } else if (status.code() != Code::kNotFound && status.code() != Code::kAlreadyExists) {
    counters.failed.fetch_add(1, std::memory_order_relaxed);
  }
}

Status CountingStorage::PutIfAbsent(std::string_view name, std::span<const ByteView> parts) {
  uint64_t size = 0;
  for (ByteView part : parts) size += part.size();
  Status status = inner_->PutIfAbsent(name, parts);
  Add(Request::kPut, status, size);
  return status;
}

Result<Bytes> CountingStorage::Get(std::string_view name, uint64_t size_max_bytes) {
  Result<Bytes> content = inner_->Get(name, size_max_bytes);
  uint64_t size = content.ok() ? content->size() : 0;
  return Counted(Request::kGet, std::move(content), size);
}

Status CountingStorage::GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) {
  Status status = inner_->GetRange(name, offset, into);
  Add(Request::kGetRange, status, into.size());
  return status;
}

Result<ObjectInfo> CountingStorage::Stat(std::string_view name) {
  return Counted(Request::kStat, inner_->Stat(name));
}

Result<Listing> CountingStorage::List(std::string_view directory) {
  return Counted(Request::kList, inner_->List(directory));
}

Status CountingStorage::Delete(std::string_view name) {
  Status status = inner_->Delete(name);
  Add(Request::kDelete, status, 0);
  return status;
}

std::string CountingStorage::Describe() const { return inner_->Describe(); }

}  // namespace pgcairn::storage
