// One leaf of the list of streams: names, sizes and map leaves (docs/format.md, section 8).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "repository/pack/pack_reference.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

inline constexpr uint32_t kListStreamsMax = 4096;
inline constexpr uint32_t kNoLeaf = UINT32_MAX;

enum class StreamKind : uint8_t { kRelationFile = 1, kOtherFile = 2, kDirectory = 3 };
enum class StreamRoot : uint8_t { kDataDirectory = 0, kExternalConfig = 1 };

struct StreamEntry {
  StreamKind kind = StreamKind::kOtherFile;
  StreamRoot root = StreamRoot::kDataDirectory;
  uint16_t mode = 0;  // permission bits
  std::string path;   // relative to the root
  uint64_t size = 0;  // bytes
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  uint64_t inode = 0;
  uint32_t first_leaf = kNoLeaf;  // index in StreamList::leaves
  uint16_t first_entry = 0;
};

struct StreamList {
  std::vector<PackReference> packs;
  std::vector<TableBlob> leaves;  // with their number of units
  std::vector<StreamEntry> streams;
};

// Relative, not empty, without ".", ".." or empty components: cannot lead out of its root.
bool IsSafeRelativePath(std::string_view path);

Bytes EncodeStreamList(const StreamList& list);
// Every index, path and count is checked. kDamaged, kUnsupported.
Result<StreamList> DecodeStreamList(ByteView raw);

// A part of a stream whose units lie side by side in one leaf.
struct LeafPart {
  uint32_t stream = 0;       // index in the list's streams
  uint64_t first_unit = 0;   // of the stream
  uint32_t first_entry = 0;  // of the leaf
  uint32_t count = 0;
};

// For each leaf of a decoded list, what of which streams it holds, in their order.
std::vector<std::vector<LeafPart>> PartsByLeaf(const StreamList& list);

}  // namespace pgcairn::repository
