// Memory for many megabytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn {

// Zeros, which take memory only where they are written over, and give it back to the system at the
// end. From 2 MiB on backed by huge pages where the system has them: a short-lived process that
// touches 16 MiB in pages of 4 KiB spends more time in page faults than in its work.
class LargeBuffer {
 public:
  LargeBuffer() = default;
  // Aborts without memory, as vectors do.
  explicit LargeBuffer(size_t size);
  LargeBuffer(LargeBuffer&& other) noexcept { *this = std::move(other); }
  LargeBuffer& operator=(LargeBuffer&& other) noexcept;
  ~LargeBuffer();

  // What a buffer of `size` bytes takes when all of it was written.
  static uint64_t MemoryOf(uint64_t size);

  std::span<uint8_t> bytes() { return {begin_, size_}; }
  ByteView view() const { return {begin_, size_}; }

 private:
  void* mapping_ = nullptr;
  size_t mapped_bytes_ = 0;
  uint8_t* begin_ = nullptr;
  size_t size_ = 0;
};

struct LargeFile {
  LargeBuffer buffer;        // the whole file
  size_t content_bytes = 0;  // behind these it holds only zeros; before, it may as well

  ByteView content() const { return buffer.view().first(content_bytes); }
};

// As ReadFile (util/file.h), for large files: on up to `threads` threads.
Result<LargeFile> ReadLargeFile(const std::string& path, uint64_t size_max, size_t threads);

}  // namespace pgcairn
