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
inline constexpr uint32_t kNoPack = UINT32_MAX;

// The units of a stream of chunks are chunks of any length, in leaves of its own (chunk_leaf.h);
// those of all others are pages.
enum class StreamKind : uint8_t { kRelationFile = 1, kOtherFile = 2, kDirectory = 3, kChunks = 4 };
// Streams of chunks are those of a database, and no others are.
enum class StreamRoot : uint8_t { kDataDirectory = 0, kExternalConfig = 1, kDatabase = 2 };

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
  uint32_t leaf_count = 0;  // of a stream of chunks: how many leaves are its own; else 0
};

// How many stored bytes of a data pack the units of one leaf need.
struct LeafUse {
  uint32_t pack = 0;   // index in StreamList::data_packs
  uint32_t bytes = 0;  // of all units of the leaf, whether a stream of the list uses them or not
};

// What a leaf needs beside its own pack.
struct LeafNeeds {
  uint32_t base_pack = kNoPack;  // index in StreamList::packs: of the leaf that it is a patch on
  std::vector<LeafUse> uses;     // each data pack once
};

// The packs are those that the leaves lie in and need: what a backup refers to is known without
// reading a leaf.
struct StreamList {
  std::vector<PackReference> packs;  // metadata packs
  std::vector<TableBlob> leaves;     // with their number of units
  std::vector<LeafNeeds> needs;      // one for each leaf
  std::vector<StoredPack> data_packs;
  std::vector<StreamEntry> streams;
};

// Relative, not empty, without ".", ".." or empty components: cannot lead out of its root.
bool IsSafeRelativePath(std::string_view path);

Bytes EncodeStreamList(const StreamList& list);
// Every index, path and count is checked. kDamaged, kUnsupported.
Result<StreamList> DecodeStreamList(ByteView raw);

// A part of a stream whose units lie side by side in one leaf. Of a stream of chunks each leaf is
// one part, and units are chunks.
struct LeafPart {
  uint32_t stream = 0;       // index in the list's streams
  uint64_t first_unit = 0;   // of the stream
  uint32_t first_entry = 0;  // of the leaf
  uint32_t count = 0;
};

// For each leaf of a decoded list, what of which streams it holds, in their order.
std::vector<std::vector<LeafPart>> PartsByLeaf(const StreamList& list);

}  // namespace pgcairn::repository
