#include "util/large_buffer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "util/file.h"
#include "util/parallel.h"

namespace pgcairn {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr size_t kPageBytes = size_t{4} << 10;
constexpr size_t kHugePageBytes = size_t{2} << 20;

size_t PageFor(size_t size) { return size < kHugePageBytes ? kPageBytes : kHugePageBytes; }

Status ReadAll(int fd, std::span<uint8_t> room, uint64_t offset, const std::string& path) {
  ASSIGN_OR_RETURN(size_t got, ReadAt(fd, room, offset, path));
  if (got == room.size()) return {};
  return Error{Code::kStorage, fmt::format("reading {}: it became shorter meanwhile", path),
               "whoever writes the file is not done with it, or cut it: give the command again"};
}

// The length of the file without the pieces of zeros at its end.
Result<size_t> WithoutZerosAtTheEnd(int fd, size_t size, const std::string& path) {
  Bytes step(size_t{64} * 1024);
  while (size > 0) {
    const size_t begin = (size - 1) / step.size() * step.size();
    std::span<uint8_t> room = std::span(step).first(size - begin);
    RETURN_IF_ERROR(ReadAll(fd, room, begin, path));
    if (!IsAllZeros(room)) break;
    size = begin;
  }
  return size;
}

}  // namespace

LargeBuffer::LargeBuffer(size_t size) : size_(size) {
  if (size == 0) return;
  const size_t rounded = MemoryOf(size);
  mapped_bytes_ = rounded + PageFor(size);
  mapping_ = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(mapping_ != MAP_FAILED);
  void* aligned = mapping_;
  size_t room = mapped_bytes_;
  CHECK(std::align(PageFor(size), rounded, aligned, room) != nullptr);
  begin_ = static_cast<uint8_t*>(aligned);
  // Only advice: without huge pages everything works as well, but slower.
  if (size >= kHugePageBytes) (void)::madvise(begin_, rounded, MADV_HUGEPAGE);
}

uint64_t LargeBuffer::MemoryOf(uint64_t size) {
  return (size + PageFor(size) - 1) / PageFor(size) * PageFor(size);
}

LargeBuffer& LargeBuffer::operator=(LargeBuffer&& other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  std::swap(begin_, other.begin_);
  std::swap(size_, other.size_);
  return *this;
}

LargeBuffer::~LargeBuffer() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapped_bytes_);
}

Result<LargeFile> ReadLargeFile(const std::string& path, uint64_t size_max, size_t threads) {
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
  LargeFile file{LargeBuffer(size), 0};
  ASSIGN_OR_RETURN(file.content_bytes, WithoutZerosAtTheEnd(fd.get(), size, path));
  const size_t pieces = (file.content_bytes + kPieceBytes - 1) / kPieceBytes;
  RETURN_IF_ERROR(ForEachInParallel(pieces, threads, [&](size_t, size_t piece) -> Status {
    const size_t at = piece * kPieceBytes;
    std::span<uint8_t> room =
        file.buffer.bytes().subspan(at, std::min(kPieceBytes, file.content_bytes - at));
    return ReadAll(fd.get(), room, at, path);
  }));
  return file;
}

}  // namespace pgcairn
