#include "commands/delta_compare.h"

#include <algorithm>
#include <span>

#include "util/file.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;

constexpr size_t kReadUnits = 128;

}  // namespace

DeltaCompare::DeltaCompare(const crypto::PageFingerprint& fingerprint)
    : fingerprint_(fingerprint), buffer_(kReadUnits * kUnitBytes) {}

Result<std::vector<bool>> DeltaCompare::Differs(int fd, const std::string& path,
                                                const repository::StreamEntry& entry,
                                                const repository::LeafPart& part,
                                                const repository::MapLeaf& leaf) {
  std::vector<bool> differs(part.count, true);
  for (uint32_t first = 0; first < part.count; first += kReadUnits) {
    const uint64_t begin = (part.first_unit + first) * kUnitBytes;
    const uint64_t end = std::min(
        entry.size, begin + std::min<uint64_t>(kReadUnits, part.count - first) * kUnitBytes);
    ASSIGN_OR_RETURN(size_t got, ReadAt(fd, std::span(buffer_).first(end - begin), begin, path));
    for (uint32_t i = first; begin + uint64_t{i - first} * kUnitBytes < end; ++i) {
      const size_t at = size_t{i - first} * kUnitBytes;
      const size_t length = std::min<size_t>(kUnitBytes, end - begin - at);
      if (at + length > got) break;
      differs[i] = fingerprint_.Of(ByteView(buffer_).subspan(at, length)) !=
                   leaf.units[part.first_entry + i].fingerprint;
    }
  }
  return differs;
}

}  // namespace pgcairn::commands
