#include "commands/verify_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "commands/unit_proof.h"
#include "commands/verify_pages.h"
#include "commands/work_in_parallel.h"
#include "crypto/sha256.h"
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
      : check_(check), findings_(findings), pages_(check.manifest) {}

  uint64_t Run() {
    check_.proven.BeginBackup();
    bool all_read = true;
    for (const format::BlobReference& message : check_.manifest.stream_lists()) {
      std::optional<StreamList> list = ReadList(message);
      all_read = all_read && list.has_value();
      if (list) VerifyList(*list);
    }
    if (all_read) CheckTotals();
    Status pages = pages_.Judge();
    if (!pages.ok()) Blame(ManifestName(), pages.error());
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

  std::string ManifestName() const {
    return check_.cluster.names.Manifest(check_.manifest.backup_id());
  }

  void Blame(const std::string& object, const Error& error) {
    findings_.Add(object, error, {check_.manifest.backup_id()});
  }

  // A pack that is bad as a whole is reported once, for all whose list names it.
  void BlamePack(const PackReference& pack, const Error& error) {
    const bool bad = check_.packs.IsBad(pack.sha256);
    if (bad && check_.references != nullptr) return;
    const Error& whole = bad ? *check_.packs.ProblemOf(*check_.packs.Find(pack.sha256)) : error;
    Blame(check_.cluster.names.Pack(pack.sha256), whole);
  }

  bool IsToBeRead(const PackReference& pack) const {
    return check_.only_in == nullptr ||
           std::ranges::binary_search(*check_.only_in, pack.sha256, {}, &StoredPack::sha256);
  }

  template <typename Pack>
  void RequireListed(const Pack& pack) {
    if (check_.references == nullptr) return;
    auto found = std::lower_bound(
        check_.references->begin(), check_.references->end(), pack.sha256,
        [](const auto& entry, const auto& wanted) { return entry.sha256 < wanted; });
    const bool listed = found != check_.references->end() && found->sha256 == pack.sha256;
    if (listed && found->length == pack.length) return;
    const std::string list = check_.cluster.names.References(check_.manifest.backup_id());
    Blame(list, Damaged(fmt::format("{} {} the pack {}, which the backup needs", list,
                                    listed ? "states another length of" : "does not name",
                                    pack.sha256.ToHex())));
  }

  // Of a pack that a leaf was found to need: the next backup goes by what the list states, pruning
  // by what the reference list names.
  template <typename Pack>
  void RequireKnown(const StreamList& list, size_t leaf, const Pack& pack) {
    RequireListed(pack);
    const repository::LeafNeeds& needs = list.needs[leaf];
    const bool stated =
        std::ranges::any_of(needs.uses,
                            [&](const repository::LeafUse& use) {
                              return list.data_packs[use.pack].sha256 == pack.sha256;
                            }) ||
        (needs.base_pack != repository::kNoPack &&
         list.packs[needs.base_pack].sha256 == pack.sha256);
    if (stated) return;
    BlamePack(list_pack_, Damaged(fmt::format("a stream list does not state that a leaf needs the "
                                              "pack {}",
                                              pack.sha256.ToHex())));
  }

  std::optional<StreamList> ReadList(const format::BlobReference& message) {
    Result<repository::BlobReference> reference = repository::FromMessage(message);
    if (!reference.ok()) {
      Blame(ManifestName(), reference.error());
      return std::nullopt;
    }
    RequireListed(reference->pack);
    // It was written together with all that it refers to.
    if (!IsToBeRead(reference->pack)) return std::nullopt;
    list_pack_ = reference->pack;
    repository::BlobReader reader(check_.cluster);
    Result<Bytes> raw =
        reader.Read(ObjectKind::kMetadataPack, reference->pack, reference->location);
    Result<StreamList> list =
        raw.ok() ? repository::DecodeStreamList(*raw) : Result<StreamList>(raw.error());
    if (!list.ok()) {
      BlamePack(reference->pack, list.error());
      return std::nullopt;
    }
    return std::move(*list);
  }

  void VerifyList(const StreamList& list) {
    stream_count_ += list.streams.size();
    for (const StreamEntry& entry : list.streams) {
      stream_bytes_ += entry.size;
      has_version_file_ =
          has_version_file_ || (entry.path == "PG_VERSION" && entry.size > 0 &&
                                entry.root == repository::StreamRoot::kDataDirectory);
    }
    for (const PackReference& pack : list.packs) RequireListed(pack);
    for (const StoredPack& pack : list.data_packs) RequireListed(pack);
    const std::vector<std::vector<LeafPart>> parts = repository::PartsByLeaf(list);
    WorkInParallel(check_.threads, list.leaves.size(), check_.progress, [&]() -> Worker {
      auto tools = std::make_shared<Tools>(check_.cluster);
      return [this, &list, &parts, tools](size_t leaf) {
        const PackReference& pack = list.packs[list.leaves[leaf].pack];
        if (!IsToBeRead(pack)) return;
        repository::LeafOrigin origin;
        Status status = VerifyLeaf(*tools, list, leaf, parts[leaf], origin);
        if (!status.ok()) BlamePack(origin.base_failed ? *origin.base : pack, status.error());
      };
    });
  }

  // Names a leaf together with all that decides whether its units are the right ones, wherever a
  // list names it: each backup has lists of its own, but shares most leaves.
  static uint64_t IdentityOf(const StreamList& list, size_t leaf,
                             const std::vector<LeafPart>& parts) {
    repository::TableBlob at = list.leaves[leaf];
    Bytes text;
    Append(text, list.packs[at.pack].sha256.view());
    at.pack = 0;
    repository::AppendTableBlob(text, at);
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
    return LoadLe<uint64_t>(crypto::Sha256(text).bytes.data());
  }

  // Errors are those of the leaf itself, as `origin` says; those of the packs that it names are
  // blamed on them.
  Status VerifyLeaf(Tools& tools, const StreamList& list, size_t leaf_index,
                    const std::vector<LeafPart>& parts, repository::LeafOrigin& origin) {
    const uint64_t identity = IdentityOf(list, leaf_index, parts);
    if (std::optional<ProvenLeaves::Packs> needed = check_.proven.PacksOf(identity)) {
      // Proven for another backup; what this one says of it was not.
      for (uint32_t pack : *needed) RequireKnown(list, leaf_index, check_.packs.packs()[pack]);
      return {};
    }
    ASSIGN_OR_RETURN(MapLeaf leaf, repository::ReadLeaf(tools.reader, list, leaf_index, &origin));
    ASSIGN_OR_RETURN(std::vector<std::vector<UnitTarget>> targets,
                     TargetsByBlob(tools, list, leaf, parts));
    bool whole = true;
    ProvenLeaves::Packs needed;
    auto require = [&](const PackReference& pack) {
      RequireKnown(list, leaf_index, pack);
      std::optional<size_t> index = check_.packs.Find(pack.sha256);
      whole = whole && index.has_value();
      if (index) needed.push_back(static_cast<uint32_t>(*index));
    };
    if (origin.base) require(*origin.base);
    for (uint32_t pack = 0; pack < leaf.packs.size(); ++pack) {
      const std::vector<uint32_t> blobs = BlobsWanted(leaf, pack, targets);
      // Where a leaf was patched, not every pack that it names is needed any more.
      if (blobs.empty()) continue;
      require(leaf.packs[pack]);
      if (!IsToBeRead(leaf.packs[pack])) continue;
      Status status = VerifyBlobs(tools, list, leaf, pack, blobs, targets);
      if (!status.ok()) BlamePack(leaf.packs[pack], status.error());
      whole = whole && status.ok();
    }
    if (whole) check_.proven.Add(identity, std::move(needed));
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
      Blame(ManifestName(),
            Damaged(fmt::format("the manifest states {} streams of {} bytes, its lists hold {} of "
                                "{} bytes",
                                manifest.stream_count(), manifest.stream_bytes(), stream_count_,
                                stream_bytes_)));
    }
    if (!has_version_file_) {
      Blame(ManifestName(), Damaged("the backup holds no PG_VERSION: no server starts on it"));
    }
  }

  const StreamCheck& check_;
  Findings& findings_;
  PageJudge pages_;
  PackReference list_pack_;  // of the list at hand
  uint64_t stream_count_ = 0;
  uint64_t stream_bytes_ = 0;
  bool has_version_file_ = false;
};

}  // namespace

void ProvenLeaves::BeginBackup() {
  std::lock_guard lock(mutex_);
  leaves_before_ = std::exchange(leaves_, {});
}

std::optional<ProvenLeaves::Packs> ProvenLeaves::PacksOf(uint64_t leaf) {
  std::lock_guard lock(mutex_);
  auto found = leaves_.find(leaf);
  if (found != leaves_.end()) return found->second;
  auto before = leaves_before_.extract(leaf);
  if (before.empty()) return std::nullopt;
  return leaves_.insert(std::move(before)).position->second;
}

void ProvenLeaves::Add(uint64_t leaf, Packs packs) {
  std::lock_guard lock(mutex_);
  leaves_.insert_or_assign(leaf, std::move(packs));
}

uint64_t VerifyStreams(const StreamCheck& check, Findings& findings) {
  return StreamVerifier(check, findings).Run();
}

}  // namespace pgcairn::commands
