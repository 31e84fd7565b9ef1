#include "repository/map/chunk_leaf.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "repository/map/map_leaf.h"

namespace pgcairn::repository {
namespace {

constexpr std::string_view kChunkLeafMagic = "PGML";
constexpr uint16_t kChunkLeafVersion = 1;
constexpr uint8_t kKindChunks = 3;
constexpr uint8_t kIdContentMac = 3;
constexpr size_t kChunkLeafKindOffset = 6;
constexpr uint32_t kBlobsMax = 65'534;
constexpr size_t kChunkColumnsBytes = 2 + 4 + 4 + 16;

Error DamagedChunkLeaf(std::string_view what) {
  return {Code::kDamaged, fmt::format("a map leaf of chunks is damaged: {}", what), ""};
}

struct ChunkLeafCounts {
  uint32_t chunks = 0;
  uint32_t packs = 0;
  uint32_t blobs = 0;
};

Result<ChunkLeafCounts> DecodeChunkLeafHead(ByteReader& in) {
  ByteView magic = in.View(kChunkLeafMagic.size());
  auto version = in.Le<uint16_t>();
  auto kind = in.Le<uint8_t>();
  auto algorithm = in.Le<uint8_t>();
  auto reserved = in.Le<uint32_t>();
  ChunkLeafCounts counts{in.Le<uint32_t>(), in.Le<uint32_t>(), in.Le<uint32_t>()};
  if (!in.ok() || AsText(magic) != kChunkLeafMagic) return DamagedChunkLeaf("no magic");
  if (version != kChunkLeafVersion || kind != kKindChunks || algorithm != kIdContentMac ||
      reserved != 0) {
    return Error{Code::kUnsupported, "a map leaf of chunks has a version or kind that is unknown",
                 "another pgcairn wrote this repository: use that version"};
  }
  if (counts.chunks == 0 || counts.chunks > kLeafChunksMax || counts.blobs > kBlobsMax) {
    return DamagedChunkLeaf("impossible counts");
  }
  const uint64_t size = uint64_t{counts.packs} * kPackReferenceBytes +
                        uint64_t{counts.blobs} * kTableBlobBytes +
                        uint64_t{counts.chunks} * kChunkColumnsBytes;
  if (size != in.left()) return DamagedChunkLeaf("another length than its counts say");
  return counts;
}

Status CheckChunks(const ChunkLeaf& leaf) {
  for (const ChunkEntry& chunk : leaf.chunks) {
    if (chunk.blob >= leaf.blobs.size()) return DamagedChunkLeaf("a chunk of no blob");
    const uint64_t end = uint64_t{chunk.place} + chunk.length;
    if (chunk.length == 0 || chunk.length > kChunkBytesMax ||
        end > leaf.blobs[chunk.blob].location.raw_length) {
      return DamagedChunkLeaf("a chunk outside its blob");
    }
  }
  return {};
}

}  // namespace

bool IsChunkLeaf(ByteView raw) {
  return raw.size() > kChunkLeafKindOffset && raw[kChunkLeafKindOffset] == kKindChunks;
}

Bytes EncodeChunkLeaf(const ChunkLeaf& leaf) {
  CHECK(!leaf.chunks.empty() && leaf.chunks.size() <= kLeafChunksMax);
  CHECK(leaf.blobs.size() <= kBlobsMax);
  Bytes out;
  out.reserve(24 + leaf.packs.size() * kPackReferenceBytes + leaf.blobs.size() * kTableBlobBytes +
              leaf.chunks.size() * kChunkColumnsBytes);
  Append(out, AsBytes(kChunkLeafMagic));
  AppendLe<uint16_t>(out, kChunkLeafVersion);
  out.push_back(kKindChunks);
  out.push_back(kIdContentMac);
  AppendLe<uint32_t>(out, 0);
  AppendLe<uint32_t>(out, static_cast<uint32_t>(leaf.chunks.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(leaf.packs.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(leaf.blobs.size()));
  AppendTables(out, leaf.packs, leaf.blobs);
  for (const ChunkEntry& chunk : leaf.chunks) AppendLe<uint16_t>(out, chunk.blob);
  for (const ChunkEntry& chunk : leaf.chunks) AppendLe<uint32_t>(out, chunk.place);
  for (const ChunkEntry& chunk : leaf.chunks) AppendLe<uint32_t>(out, chunk.length);
  for (const ChunkEntry& chunk : leaf.chunks) Append(out, chunk.id.bytes);
  return out;
}

Result<ChunkLeaf> DecodeChunkLeaf(ByteView raw) {
  ByteReader in(raw);
  ASSIGN_OR_RETURN(ChunkLeafCounts counts, DecodeChunkLeafHead(in));
  ChunkLeaf leaf;
  RETURN_IF_ERROR(ReadTables(in, counts.packs, counts.blobs, leaf.packs, leaf.blobs));
  leaf.chunks.resize(counts.chunks);
  for (ChunkEntry& chunk : leaf.chunks) chunk.blob = in.Le<uint16_t>();
  for (ChunkEntry& chunk : leaf.chunks) chunk.place = in.Le<uint32_t>();
  for (ChunkEntry& chunk : leaf.chunks) chunk.length = in.Le<uint32_t>();
  for (ChunkEntry& chunk : leaf.chunks) chunk.id.bytes = in.Array<16>();
  RETURN_IF_ERROR(CheckChunks(leaf));
  CHECK(in.ok() && in.left() == 0);
  return leaf;
}

}  // namespace pgcairn::repository
