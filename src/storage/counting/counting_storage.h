// Counts the requests to a storage and the bytes they carried, for reports and tests.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "storage/request.h"
#include "storage/storage.h"

namespace pgcairn::storage {

struct RequestCount {
  uint64_t requests = 0;  // all, failed ones too
  uint64_t failed = 0;    // not OK; kNotFound and kAlreadyExists are answers and not counted here
  // Of contents stored (puts that returned OK) or handed out; 0 for the other kinds.
  uint64_t bytes = 0;
};

class CountingStorage : public Storage {
 public:
  explicit CountingStorage(std::shared_ptr<Storage> inner) : inner_(std::move(inner)) {}

  // Of the requests that have returned. The three numbers are read one after the other: while
  // other threads work they may differ by the requests of that moment.
  RequestCount Count(Request kind) const;

  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Result<Bytes> Get(std::string_view name, uint64_t size_max_bytes) override;
  Status GetRange(std::string_view name, uint64_t offset, std::span<uint8_t> into) override;
  Result<ObjectInfo> Stat(std::string_view name) override;
  Result<Listing> List(std::string_view directory) override;
  Status Delete(std::string_view name) override;
  std::string Describe() const override;

 private:
  struct Counters {
    std::atomic<uint64_t> requests = 0;
    std::atomic<uint64_t> failed = 0;
    std::atomic<uint64_t> bytes = 0;
  };
  void Add(Request kind, const Status& status, uint64_t bytes);
  template <typename T>
  Result<T> Counted(Request kind, Result<T> result, uint64_t bytes = 0) {
    Add(kind, result.status(), bytes);
    return result;
  }

  const std::shared_ptr<Storage> inner_;
  std::array<Counters, kRequestKinds> counters_;
};

}  // namespace pgcairn::storage
