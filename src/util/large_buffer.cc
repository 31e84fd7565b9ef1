#include "util/large_buffer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "util/file.h"

namespace pgcairn {

LargeBuffer::LargeBuffer(size_t size) : size_(size) {
  constexpr size_t kHugePageBytes = size_t{2} << 20;
  size_t rounded = (std::max<size_t>(size, 1) + kHugePageBytes - 1) / kHugePageBytes;
  rounded *= kHugePageBytes;
  memory_.reset(static_cast<uint8_t*>(std::aligned_alloc(kHugePageBytes, rounded)));
  CHECK(memory_ != nullptr);
  // Only advice: without huge pages everything works as well, but slower.
  (void)::madvise(memory_.get(), rounded, MADV_HUGEPAGE);
}

void LargeBuffer::Shrink(size_t size) {
  CHECK(size <= size_);
  size_ = size;
}

Result<LargeBuffer> ReadLargeFile(const std::string& path, uint64_t size_max) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(path, O_RDONLY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "reading", path);
  if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "reading", path);
  auto size = static_cast<uint64_t>(info.st_size);
  if (size > size_max) {
    return Error{Code::kStorage,
                 fmt::format("reading {}: longer than the {} bytes it may have", path, size_max),
                 ""};
  }
  LargeBuffer buffer(size);
  ASSIGN_OR_RETURN(size_t got, ReadAt(fd.get(), buffer.bytes(), 0, path));
  buffer.Shrink(got);
  return buffer;
}

}  // namespace pgcairn
