// Memory for many megabytes that are about to be overwritten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn {

// Bytes of no particular value. Backed by huge pages where the system has them: a short-lived
// process that touches 16 MiB in pages of 4 KiB spends more time in page faults than in its work.
class LargeBuffer {
 public:
  LargeBuffer() = default;
  // Aborts without memory, as vectors do.
  explicit LargeBuffer(size_t size);

  std::span<uint8_t> bytes() { return {memory_.get(), size_}; }
  ByteView view() const { return {memory_.get(), size_}; }
  // Drops what lies behind the first `size` bytes, which are no more than there are.
  void Shrink(size_t size);

 private:
  struct Free {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };
  std::unique_ptr<uint8_t, Free> memory_;
  size_t size_ = 0;
};

// As ReadFile (util/file.h), for large files.
Result<LargeBuffer> ReadLargeFile(const std::string& path, uint64_t size_max);

}  // namespace pgcairn
