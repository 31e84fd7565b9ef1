#include "commands/verify_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "commands/unit_proof.h"
#include "commands/verify_chunks.h"
#include "commands/verify_logical.h"
#include "commands/verify_needs.h"
#include "commands/verify_pages.h"
#include "commands/work_in_parallel.h"
#include "repository/map/leaf_reader.h"
#include "repository/map/map_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"

namespace pgcairn::commands {
namespace {

using repository::kUnitBytes;
using repository::LeafPart;
using repository::MapLeaf;
using repository::ObjectKind;
using repository::PackReference;
using repository::StoredPack;
using repository::StreamEntry;
using repository::StreamList;
using repository::UnitEntry;

// One backup's lists, one after the other.
class StreamVerifier {
 public:
  StreamVerifier(const StreamCheck& check, Findings& findings)
      : check_(check), needs_(check, findings), pages_(check.manifest) {}

  uint64_t Run() {
    check_.proven.BeginBackup();
    bool all_read = true;
    for (const format::BlobReference& message : check_.manifest.stream_lists()) {
      std::optional<OpenedList> list = ReadList(message);
      all_read = all_read && list.has_value();
      if (list) VerifyList(*list);
    }
    if (all_read) CheckTotals();
    Status pages = pages_.Judge();
    if (!pages.ok()) needs_.BlameManifest(pages.error());
    return pages_.checked();
  }

 private:
  // What one thread works with.
  struct Tools {
    explicit Tools(const repository::ClusterAccess& cluster)
        : reader(cluster), proof(cluster.keys.fingerprint_secret()) {}
    repository::BlobReader reader;
    UnitProof proof;
  };

  struct UnitTarget {
    uint32_t stream = 0;
    uint64_t unit = 0;  // of the stream
    const UnitEntry* entry = nullptr;
  };

  std::optional<OpenedList> ReadList(const format::BlobReference& message) {
    Result<repository::BlobReference> reference = repository::FromMessage(message);
    if (!reference.ok()) {
      needs_.BlameManifest(reference.error());
      return std::nullopt;
    }
    needs_.RequireListed(reference->pack);
    // It was written together with all that it refers to.
    if (!needs_.IsToBeRead(reference->pack)) return std::nullopt;
    repository::BlobReader reader(check_.cluster);
    Result<Bytes> raw =
        reader.Read(ObjectKind::kMetadataPack, reference->pack, reference->location);
    Result<StreamList> list =
        raw.ok() ? repository::DecodeStreamList(*raw) : Result<StreamList>(raw.error());
    if (!list.ok()) {
      needs_.BlamePack(reference->pack, list.error());
      return std::nullopt;
    }
    return OpenedList{std::move(*list), reference->pack};
  }

  void VerifyList(const OpenedList& opened) {
    const StreamList& list = opened.list;
    ChunkVerifier chunks(check_, needs_, opened);
    CountStreams(list, chunks);
    for (const PackReference& pack : list.packs) needs_.RequireListed(pack);
    for (const StoredPack& pack : list.data_packs) needs_.RequireListed(pack);
    const std::vector<std::vector<LeafPart>> parts = repository::PartsByLeaf(list);
    WorkInParallel(check_.threads, list.leaves.size(), check_.progress, [&]() -> Worker {
      auto tools = std::make_shared<Tools>(check_.cluster);
      return [this, &opened, &chunks, &parts, tools](size_t leaf) {
        VerifyLeafOfEither(*tools, opened, leaf, parts[leaf], chunks);
      };
    });
    chunks.CheckSizes();
  }

  void VerifyLeafOfEither(Tools& tools, const OpenedList& opened, size_t leaf,
                          const std::vector<LeafPart>& parts, ChunkVerifier& chunks) {
    const StreamList& list = opened.list;
    const PackReference& pack = list.packs[list.leaves[leaf].pack];
    // One that no stream uses may be of either kind.
    if (parts.empty() || !needs_.IsToBeRead(pack)) return;
    const auto of_chunks =
        static_cast<size_t>(std::ranges::count_if(parts, [&](const LeafPart& part) {
          return list.streams[part.stream].kind == repository::StreamKind::kChunks;
        }));
    if (of_chunks != 0 && of_chunks != parts.size()) {
      return needs_.BlamePack(opened.pack,
                              Damaged("a stream list names one leaf for chunks and for pages"));
    }
    repository::LeafOrigin origin;
    Status status = of_chunks != 0 ? chunks.VerifyLeaf(tools.reader, leaf)
                                   : VerifyLeaf(tools, opened, leaf, parts, origin);
    if (status.ok()) return;
    needs_.BlamePack(origin.base_failed ? *origin.base : pack, status.error());
  }

  bool IsLogical() const { return check_.manifest.method() == format::Manifest::LOGICAL; }

  void CountStreams(const StreamList& list, ChunkVerifier& chunks) {
    stream_count_ += list.streams.size();
    for (const StreamEntry& entry : list.streams) {
      stream_bytes_ += entry.size;
      has_version_file_ =
          has_version_file_ || (entry.path == "PG_VERSION" && entry.size > 0 &&
                                entry.root == repository::StreamRoot::kDataDirectory);
      if (!IsLogical()) continue;
      content_.Add(entry);
      if (entry.path == kCatalogPath) ReadCatalog(entry, chunks);
    }
  }

  void ReadCatalog(const StreamEntry& entry, ChunkVerifier& chunks) {
    if (entry.kind != repository::StreamKind::kChunks) return;
    if (entry.size > kCatalogBytesMax) {
      return needs_.BlameManifest(
          Damaged(fmt::format("the catalog of the backup has {} bytes, and "
                              "none has more than {}",
                              entry.size, kCatalogBytesMax)));
    }
    repository::BlobReader reader(check_.cluster);
    catalog_ = chunks.Read(reader, entry);
  }

  // Where its units lie in its streams.
  static Bytes MeaningOf(const StreamList& list, const std::vector<LeafPart>& parts) {
    Bytes text;
    for (const LeafPart& part : parts) {
      const StreamEntry& entry = list.streams[part.stream];
      AppendLe<uint64_t>(text, entry.path.size());
      Append(text, AsBytes(entry.path));
      text.push_back(static_cast<uint8_t>(entry.kind));
      text.push_back(static_cast<uint8_t>(entry.root));
      const uint64_t last_length = UnitLength(entry, part.first_unit + part.count - 1);
      for (uint64_t number :
           {part.first_unit, uint64_t{part.first_entry}, uint64_t{part.count}, last_length}) {
        AppendLe<uint64_t>(text, number);
      }
    }
    return text;
  }

  // Errors are those of the leaf itself, as `origin` says; those of the packs that it names are
  // blamed on them.
  Status VerifyLeaf(Tools& tools, const OpenedList& opened, size_t leaf_index,
                    const std::vector<LeafPart>& parts, repository::LeafOrigin& origin) {
    const StreamList& list = opened.list;
    const uint64_t identity = LeafIdentity(list, leaf_index, MeaningOf(list, parts));
    if (needs_.FindProven(opened, leaf_index, identity)) return {};
    ASSIGN_OR_RETURN(MapLeaf leaf, repository::ReadLeaf(tools.reader, list, leaf_index, &origin));
    ASSIGN_OR_RETURN(std::vector<std::vector<UnitTarget>> targets,
                     TargetsByBlob(tools, list, leaf, parts));
    LeafProof proof;
    if (origin.base) needs_.Require(opened, leaf_index, *origin.base, proof);
    for (uint32_t pack = 0; pack < leaf.packs.size(); ++pack) {
      const std::vector<uint32_t> blobs = BlobsWanted(leaf, pack, targets);
      // Where a leaf was patched, not every pack that it names is needed any more.
      if (blobs.empty()) continue;
      needs_.Require(opened, leaf_index, leaf.packs[pack], proof);
      if (!needs_.IsToBeRead(leaf.packs[pack])) continue;
      Status status = VerifyBlobs(tools, list, leaf, pack, blobs, targets);
      if (!status.ok()) needs_.BlamePack(leaf.packs[pack], status.error());
      proof.whole = proof.whole && status.ok();
    }
    if (proof.whole) check_.proven.Add(identity, std::move(proof.leaf));
    return {};
  }

  // Units of zeros are stored nowhere: they are proven here.
  Result<std::vector<std::vector<UnitTarget>>> TargetsByBlob(const Tools& tools,
                                                             const StreamList& list,
                                                             const MapLeaf& leaf,
                                                             const std::vector<LeafPart>& parts) {
    std::vector<std::vector<UnitTarget>> targets(leaf.blobs.size());
    for (const LeafPart& part : parts) {
      const StreamEntry& entry = list.streams[part.stream];
      for (uint32_t i = 0; i < part.count; ++i) {
        const UnitEntry& unit = leaf.units[part.first_entry + i];
        const uint64_t number = part.first_unit + i;
        if (unit.blob != repository::kZeroUnit) {
          targets[unit.blob].push_back({part.stream, number, &unit});
        } else if (!tools.proof.IsOfZeros(entry, number, unit.fingerprint)) {
          return WrongUnit(entry, number);
        }
      }
    }
    return targets;
  }

  // In the order of their places in the pack.
  static std::vector<uint32_t> BlobsWanted(const MapLeaf& leaf, uint32_t pack,
                                           const std::vector<std::vector<UnitTarget>>& targets) {
    std::vector<uint32_t> wanted;
    for (uint32_t blob = 0; blob < leaf.blobs.size(); ++blob) {
      if (leaf.blobs[blob].pack == pack && !targets[blob].empty()) wanted.push_back(blob);
    }
    std::sort(wanted.begin(), wanted.end(), [&](uint32_t a, uint32_t b) {
      return leaf.blobs[a].location.offset < leaf.blobs[b].location.offset;
    });
    return wanted;
  }

  Status VerifyBlobs(Tools& tools, const StreamList& list, const MapLeaf& leaf, uint32_t pack,
                     const std::vector<uint32_t>& wanted,
                     const std::vector<std::vector<UnitTarget>>& targets) {
    std::vector<repository::BlobLocation> locations;
    locations.reserve(wanted.size());
    for (uint32_t blob : wanted) locations.push_back(leaf.blobs[blob].location);
    return tools.reader.ReadMany(ObjectKind::kDataPack, leaf.packs[pack], locations,
                                 [&](size_t index, ByteView raw) {
                                   return VerifyUnits(tools, list, raw, targets[wanted[index]]);
                                 });
  }

  Status VerifyUnits(const Tools& tools, const StreamList& list, ByteView raw,
                     const std::vector<UnitTarget>& targets) {
    std::optional<PagesOfStream> pages;
    uint32_t stream = 0;
    for (const UnitTarget& target : targets) {
      const StreamEntry& entry = list.streams[target.stream];
      const uint32_t place = target.entry->place;
      if (!tools.proof.IsIn(raw, place, entry, target.unit, target.entry->fingerprint)) {
        return WrongUnit(entry, target.unit);
      }
      if (!pages || stream != target.stream) pages.emplace(pages_.Of(entry));
      stream = target.stream;
      if (UnitLength(entry, target.unit) == kUnitBytes) {
        pages_.Check(*pages, target.unit, raw.subspan(place, kUnitBytes));
      }
    }
    return {};
  }

  void CheckTotals() {
    const format::Manifest& manifest = check_.manifest;
    if (stream_count_ != manifest.stream_count() || stream_bytes_ != manifest.stream_bytes()) {
      needs_.BlameManifest(Damaged(fmt::format(
          "the manifest states {} streams of {} bytes, its lists hold {} of "
          "{} bytes",
          manifest.stream_count(), manifest.stream_bytes(), stream_count_, stream_bytes_)));
    }
    if (IsLogical()) {
      Status content = content_.Judge(manifest, catalog_);
      if (!content.ok()) needs_.BlameManifest(content.error());
    } else if (!has_version_file_) {
      needs_.BlameManifest(Damaged("the backup holds no PG_VERSION: no server starts on it"));
    }
  }

  const StreamCheck& check_;
  NeededPacks needs_;
  PageJudge pages_;
  StreamsAgainstCatalog content_;
  std::optional<Bytes> catalog_;
  uint64_t stream_count_ = 0;
  uint64_t stream_bytes_ = 0;
  bool has_version_file_ = false;
};

}  // namespace

uint64_t VerifyStreams(const StreamCheck& check, Findings& findings) {
  return StreamVerifier(check, findings).Run();
}

}  // namespace pgcairn::commands
