#include "repository/map/stream_list.h"

#include <fmt/format.h>

#include "repository/header.h"
#include "repository/map/map_leaf.h"

namespace pgcairn::repository {
namespace {

constexpr std::string_view kStreamListMagic = "PGSL";
constexpr uint16_t kStreamListVersion = 2;
constexpr size_t kStreamBytes = 48;

Error DamagedStreamList(std::string_view what) {
  return {Code::kDamaged, fmt::format("a stream list is damaged: {}", what), ""};
}

struct StreamListCounts {
  uint32_t streams = 0;
  uint32_t packs = 0;
  uint32_t leaves = 0;
  uint32_t text = 0;
  uint32_t data_packs = 0;
  uint32_t uses = 0;
};

constexpr size_t kDataPackBytes = 32 + 8;
constexpr size_t kLeafNeedsBytes = 4 + 4;
constexpr size_t kLeafUseBytes = 4 + 4;

Result<StreamListCounts> DecodeStreamListHead(ByteReader& in) {
  ByteView magic = in.View(kStreamListMagic.size());
  auto version = in.Le<uint16_t>();
  auto reserved = in.Le<uint16_t>();
  StreamListCounts counts;
  for (uint32_t* count : {&counts.streams, &counts.packs, &counts.leaves, &counts.text,
                          &counts.data_packs, &counts.uses}) {
    *count = in.Le<uint32_t>();
  }
  if (!in.ok() || AsText(magic) != kStreamListMagic) return DamagedStreamList("no magic");
  if (version != kStreamListVersion || reserved != 0) {
    return Error{Code::kUnsupported,
                 fmt::format("a stream list has version {}, this program knows {}", version,
                             kStreamListVersion),
                 version < kStreamListVersion
                     ? "a pgcairn before its first release wrote it: use that one to restore"
                     : "a newer pgcairn wrote this repository: use that version"};
  }
  uint64_t size = uint64_t{counts.packs} * kPackReferenceBytes +
                  uint64_t{counts.leaves} * (kTableBlobBytes + kLeafNeedsBytes) +
                  uint64_t{counts.data_packs} * kDataPackBytes +
                  uint64_t{counts.uses} * kLeafUseBytes + uint64_t{counts.streams} * kStreamBytes +
                  counts.text;
  if (counts.streams > kListStreamsMax || size != in.left())
    return DamagedStreamList("impossible counts");
  return counts;
}

void AppendStream(Bytes& out, const StreamEntry& stream) {
  out.push_back(static_cast<uint8_t>(stream.kind));
  out.push_back(static_cast<uint8_t>(stream.root));
  AppendLe<uint16_t>(out, stream.mode);
  AppendLe<uint32_t>(out, stream.first_leaf);
  AppendLe<uint16_t>(out, stream.first_entry);
  AppendLe<uint16_t>(out, static_cast<uint16_t>(stream.path.size()));
  AppendLe<uint32_t>(out, stream.leaf_count);
  AppendLe<uint64_t>(out, stream.size);
  AppendLe<int64_t>(out, stream.mtime_ns);
  AppendLe<uint64_t>(out, stream.inode);
  AppendLe<int64_t>(out, stream.ctime_ns);
}

// The entry but for its path, whose length is returned.
Result<uint16_t> ReadStream(ByteReader& in, StreamEntry& stream) {
  auto kind = in.Le<uint8_t>();
  auto root = in.Le<uint8_t>();
  stream.mode = in.Le<uint16_t>();
  stream.first_leaf = in.Le<uint32_t>();
  stream.first_entry = in.Le<uint16_t>();
  auto path_length = in.Le<uint16_t>();
  stream.leaf_count = in.Le<uint32_t>();
  stream.size = in.Le<uint64_t>();
  stream.mtime_ns = in.Le<int64_t>();
  stream.inode = in.Le<uint64_t>();
  stream.ctime_ns = in.Le<int64_t>();
  const bool chunks = kind == static_cast<uint8_t>(StreamKind::kChunks);
  const bool of_database = root == static_cast<uint8_t>(StreamRoot::kDatabase);
  if (kind < 1 || kind > 4 || root > 2 || chunks != of_database || stream.mode > 07777 ||
      (chunks ? stream.first_entry != 0 : stream.leaf_count != 0)) {
    return DamagedStreamList("an impossible stream");
  }
  stream.kind = static_cast<StreamKind>(kind);
  stream.root = static_cast<StreamRoot>(root);
  return path_length;
}

void AppendNeeds(Bytes& out, const StreamList& list) {
  for (const StoredPack& pack : list.data_packs) {
    Append(out, pack.sha256.bytes);
    AppendLe<uint64_t>(out, pack.length);
  }
  for (const LeafNeeds& needs : list.needs) {
    AppendLe<uint32_t>(out, needs.base_pack);
    AppendLe<uint32_t>(out, static_cast<uint32_t>(needs.uses.size()));
  }
  for (const LeafNeeds& needs : list.needs) {
    for (const LeafUse& use : needs.uses) {
      AppendLe<uint32_t>(out, use.pack);
      AppendLe<uint32_t>(out, use.bytes);
    }
  }
}

Status ReadNeeds(ByteReader& in, const StreamListCounts& counts, StreamList& list) {
  list.data_packs.resize(counts.data_packs);
  for (StoredPack& pack : list.data_packs) {
    pack.sha256.bytes = in.Array<32>();
    pack.length = in.Le<uint64_t>();
    if (pack.length < kSealedHeaderBytes || pack.length > kPackBytesMax) {
      return DamagedStreamList("an impossible pack");
    }
  }
  list.needs.resize(counts.leaves);
  uint64_t uses = 0;
  for (LeafNeeds& needs : list.needs) {
    needs.base_pack = in.Le<uint32_t>();
    auto count = in.Le<uint32_t>();
    uses += count;
    if (uses > counts.uses || (needs.base_pack != kNoPack && needs.base_pack >= counts.packs)) {
      return DamagedStreamList("a leaf with impossible needs");
    }
    needs.uses.resize(count);
  }
  if (uses != counts.uses) return DamagedStreamList("needs of no leaf");
  for (LeafNeeds& needs : list.needs) {
    for (LeafUse& use : needs.uses) {
      use.pack = in.Le<uint32_t>();
      use.bytes = in.Le<uint32_t>();
      if (use.pack >= counts.data_packs) return DamagedStreamList("a need of no pack");
    }
  }
  return {};
}

// The stream's units lie within the leaves that the list names.
Status CheckUnits(const StreamList& list, const StreamEntry& stream) {
  if (stream.size == 0) {
    if (stream.first_leaf != kNoLeaf || stream.leaf_count != 0)
      return DamagedStreamList("an empty stream with a map");
    return {};
  }
  if (stream.kind == StreamKind::kDirectory) return DamagedStreamList("a directory with content");
  if (stream.kind == StreamKind::kChunks) {
    const uint64_t end = uint64_t{stream.first_leaf} + stream.leaf_count;
    if (stream.leaf_count > 0 && end <= list.leaves.size()) return {};
    return DamagedStreamList("a stream whose leaves are not all there");
  }
  uint64_t units = (stream.size - 1) / kUnitBytes + 1;
  uint64_t skip = stream.first_entry;
  for (uint64_t leaf = stream.first_leaf; leaf < list.leaves.size(); ++leaf) {
    uint64_t there = list.leaves[leaf].units;
    if (skip >= there) return DamagedStreamList("a stream that begins outside its leaf");
    if (units <= there - skip) return {};
    units -= there - skip;
    skip = 0;
  }
  return DamagedStreamList("a stream that its leaves do not cover");
}

}  // namespace

bool IsSafeRelativePath(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  for (size_t at = 0; at <= path.size();) {
    size_t slash = path.find('/', at);
    if (slash == std::string_view::npos) slash = path.size();
    std::string_view component = path.substr(at, slash - at);
    if (component.empty() || component == "." || component == "..") return false;
    at = slash + 1;
  }
  return true;
}

Bytes EncodeStreamList(const StreamList& list) {
  CHECK(list.streams.size() <= kListStreamsMax);
  Bytes text;
  for (const StreamEntry& stream : list.streams) {
    CHECK(stream.path.size() <= UINT16_MAX);
    Append(text, AsBytes(stream.path));
  }
  CHECK(list.needs.size() == list.leaves.size());
  size_t uses = 0;
  for (const LeafNeeds& needs : list.needs) uses += needs.uses.size();
  Bytes out;
  Append(out, AsBytes(kStreamListMagic));
  AppendLe<uint16_t>(out, kStreamListVersion);
  AppendLe<uint16_t>(out, 0);
  AppendLe<uint32_t>(out, static_cast<uint32_t>(list.streams.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(list.packs.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(list.leaves.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(text.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(list.data_packs.size()));
  AppendLe<uint32_t>(out, static_cast<uint32_t>(uses));
  for (const PackReference& pack : list.packs) AppendPackReference(out, pack);
  for (const TableBlob& leaf : list.leaves) AppendTableBlob(out, leaf);
  AppendNeeds(out, list);
  for (const StreamEntry& stream : list.streams) AppendStream(out, stream);
  Append(out, text);
  return out;
}

Result<StreamList> DecodeStreamList(ByteView raw) {
  ByteReader in(raw);
  ASSIGN_OR_RETURN(StreamListCounts counts, DecodeStreamListHead(in));
  StreamList list;
  list.packs.reserve(counts.packs);
  for (uint32_t i = 0; i < counts.packs; ++i) list.packs.push_back(ReadPackReference(in));
  list.leaves.reserve(counts.leaves);
  for (uint32_t i = 0; i < counts.leaves; ++i) {
    TableBlob leaf = ReadTableBlob(in);
    if (leaf.pack >= counts.packs) return DamagedStreamList("a leaf of no pack");
    if (leaf.units == 0 || leaf.units > kLeafUnitsMax)
      return DamagedStreamList("a leaf without units");
    RETURN_IF_ERROR(CheckLocation(list.packs[leaf.pack], leaf.location, kMetadataBlobRawBytesMax));
    list.leaves.push_back(leaf);
  }
  RETURN_IF_ERROR(ReadNeeds(in, counts, list));
  list.streams.resize(counts.streams);
  std::vector<uint16_t> path_lengths;
  for (StreamEntry& stream : list.streams) {
    ASSIGN_OR_RETURN(uint16_t length, ReadStream(in, stream));
    path_lengths.push_back(length);
  }
  for (size_t i = 0; i < list.streams.size(); ++i) {
    StreamEntry& stream = list.streams[i];
    stream.path = ToString(in.View(path_lengths[i]));
    if (!in.ok() || !IsSafeRelativePath(stream.path))
      return DamagedStreamList("an impossible path");
    RETURN_IF_ERROR(CheckUnits(list, stream));
  }
  if (in.left() != 0) return DamagedStreamList("another length than its paths say");
  return list;
}

std::vector<std::vector<LeafPart>> PartsByLeaf(const StreamList& list) {
  std::vector<std::vector<LeafPart>> parts(list.leaves.size());
  for (uint32_t stream = 0; stream < list.streams.size(); ++stream) {
    const StreamEntry& entry = list.streams[stream];
    if (entry.size == 0) continue;
    if (entry.kind == StreamKind::kChunks) {
      uint64_t first = 0;
      for (uint32_t leaf = entry.first_leaf; leaf < entry.first_leaf + entry.leaf_count; ++leaf) {
        parts[leaf].push_back({stream, first, 0, list.leaves[leaf].units});
        first += list.leaves[leaf].units;
      }
      continue;
    }
    uint64_t units = (entry.size - 1) / kUnitBytes + 1;
    uint32_t skip = entry.first_entry;
    uint64_t done = 0;
    for (uint32_t leaf = entry.first_leaf; done < units; ++leaf, skip = 0) {
      auto count =
          static_cast<uint32_t>(std::min<uint64_t>(list.leaves[leaf].units - skip, units - done));
      parts[leaf].push_back({stream, done, skip, count});
      done += count;
    }
  }
  return parts;
}

}  // namespace pgcairn::repository
