#include "commands/previous_map.h"

#include <algorithm>
#include <utility>

#include "repository/map/chunk_reader.h"
#include "repository/map/leaf_reader.h"

namespace pgcairn::commands {

using repository::kNoPack;
using repository::KnownLeaf;
using repository::PackVerdict;
using repository::StreamEntry;
using repository::StreamList;

namespace {

std::string KeyOf(repository::StreamRoot root, std::string_view path) {
  std::string key(1, static_cast<char>(root));
  key += path;
  return key;
}

StreamEntry WithoutPath(const StreamEntry& entry) {
  StreamEntry copy = entry;
  copy.path = {};
  return copy;
}

Result<repository::StoredPack> ToStoredPack(const format::PackNeed& need) {
  repository::StoredPack pack;
  if (need.sha256().size() != pack.sha256.bytes.size()) {
    return Error{Code::kDamaged, "a checkpoint names a pack without a hash", ""};
  }
  std::ranges::copy(AsBytes(need.sha256()), pack.sha256.bytes.begin());
  pack.length = need.length();
  return pack;
}

}  // namespace

uint32_t PackTable::NumberOf(const repository::StoredPack& pack) {
  std::lock_guard lock(mutex_);
  auto [place, fresh] = numbers_.try_emplace(pack.sha256, static_cast<uint32_t>(packs_.size()));
  if (fresh) packs_.push_back(pack);
  return place->second;
}

repository::StoredPack PackTable::At(uint32_t number) const {
  std::lock_guard lock(mutex_);
  return packs_[number];
}

uint32_t PreviousMap::AddMetadataPack(const repository::PackReference& pack) {
  auto [place, fresh] =
      metadata_numbers_.try_emplace(pack.sha256, static_cast<uint32_t>(metadata_packs_.size()));
  if (fresh) metadata_packs_.push_back(pack);
  return place->second;
}

uint32_t PreviousMap::NumberOfMetadataPack(const repository::PackReference& pack) const {
  return metadata_numbers_.at(pack.sha256);
}

void PreviousMap::AddList(const StreamList& list, const crypto::Sha256Digest& raw_sha256,
                          const repository::BlobReference& stored) {
  lists_[raw_sha256] = stored;
  const auto first_leaf = static_cast<uint32_t>(leaves_.size());
  std::vector<uint32_t> metadata;
  for (const repository::PackReference& pack : list.packs)
    metadata.push_back(AddMetadataPack(pack));
  std::vector<uint32_t> data;
  for (const repository::StoredPack& pack : list.data_packs) {
    data.push_back(data_packs_->NumberOf(pack));
  }
  for (size_t i = 0; i < list.leaves.size(); ++i) {
    Leaf leaf;
    leaf.pack = metadata[list.leaves[i].pack];
    leaf.at = list.leaves[i];
    const repository::LeafNeeds& needs = list.needs[i];
    if (needs.base_pack != kNoPack) leaf.base_pack = metadata[needs.base_pack];
    for (const repository::LeafUse& use : needs.uses) {
      leaf.uses.push_back({data[use.pack], use.bytes});
    }
    leaves_.push_back(std::move(leaf));
  }
  for (const StreamEntry& entry : list.streams) {
    if (entry.kind == repository::StreamKind::kDirectory) continue;
    Stream& stream = streams_[KeyOf(entry.root, entry.path)];
    stream.entry = WithoutPath(entry);
    stream.extents.clear();
    stream.whole = true;
  }
  const std::vector<std::vector<repository::LeafPart>> parts = repository::PartsByLeaf(list);
  for (uint32_t leaf = 0; leaf < parts.size(); ++leaf) {
    for (const repository::LeafPart& part : parts[leaf]) {
      const StreamEntry& entry = list.streams[part.stream];
      // Leaves of one stream follow one another, so that its extents rise.
      streams_[KeyOf(entry.root, entry.path)].extents.push_back(
          {part.first_unit, part.count, first_leaf + leaf, part.first_entry});
      leaves_[first_leaf + leaf].live_units += part.count;
    }
  }
}

Result<uint32_t> PreviousMap::AddCheckpointLeaf(const format::CheckpointLeaf& message) {
  Leaf leaf;
  ASSIGN_OR_RETURN(repository::BlobReference at, repository::FromMessage(message.leaf()));
  if (message.units() == 0 || message.units() > repository::kLeafUnitsMax) {
    return Error{Code::kDamaged, "a checkpoint names a leaf without units", ""};
  }
  leaf.pack = AddMetadataPack(at.pack);
  leaf.at.location = at.location;
  leaf.at.units = static_cast<uint16_t>(message.units());
  if (message.has_base_pack()) {
    ASSIGN_OR_RETURN(repository::PackReference base, repository::FromMessage(message.base_pack()));
    leaf.base_pack = AddMetadataPack(base);
  }
  for (const format::PackNeed& need : message.needs()) {
    ASSIGN_OR_RETURN(repository::StoredPack pack, ToStoredPack(need));
    leaf.uses.push_back({data_packs_->NumberOf(pack), need.bytes()});
  }
  leaf.judged = false;
  leaves_.push_back(std::move(leaf));
  return static_cast<uint32_t>(leaves_.size() - 1);
}

void PreviousMap::AddPart(const format::CheckpointPart& part, uint32_t leaf) {
  const auto root = static_cast<repository::StreamRoot>(part.root());
  Stream& stream = streams_[KeyOf(root, part.path())];
  stream.whole = false;
  const uint64_t end = part.first_unit() + part.count();
  // What an older map said of these units does not count; a part that only overlaps goes whole.
  std::erase_if(stream.extents, [&](const Extent& extent) {
    return extent.first_unit < end && part.first_unit() < extent.first_unit + extent.count;
  });
  auto place = std::upper_bound(
      stream.extents.begin(), stream.extents.end(), part.first_unit(),
      [](uint64_t unit, const Extent& extent) { return unit < extent.first_unit; });
  stream.extents.insert(place, {part.first_unit(), part.count(), leaf, part.first_entry()});
}

Status PreviousMap::AddCheckpoint(const format::Checkpoint& checkpoint) {
  for (const format::CheckpointLeaf& message : checkpoint.leaves()) {
    ASSIGN_OR_RETURN(uint32_t leaf, AddCheckpointLeaf(message));
    for (const format::CheckpointPart& part : message.parts()) {
      if (uint64_t{part.first_entry()} + part.count() > message.units()) {
        return Error{Code::kDamaged, "a checkpoint names units past the end of their leaf", ""};
      }
      AddPart(part, leaf);
    }
  }
  return {};
}

void PreviousMap::MarkLost(const std::vector<crypto::Sha256Digest>& packs) {
  for (const crypto::Sha256Digest& pack : packs) verdicts_[pack] = PackVerdict::kLost;
}

void PreviousMap::MarkToEmpty(const repository::PacksToEmpty& packs) {
  for (const repository::PackToEmpty& pack : packs.packs) {
    verdicts_.try_emplace(pack.sha256, PackVerdict::kToEmpty);
  }
}

void PreviousMap::KeepOnly(const std::vector<crypto::Sha256Digest>& packs) {
  keep_only_ = true;
  for (const crypto::Sha256Digest& pack : packs) kept_[pack] = true;
}

bool PreviousMap::IsLost(const crypto::Sha256Digest& pack) const {
  if (keep_only_ && !kept_.contains(pack)) return true;
  auto found = verdicts_.find(pack);
  return found != verdicts_.end() && found->second == PackVerdict::kLost;
}

PackVerdict PreviousMap::VerdictOf(const crypto::Sha256Digest& data_pack) const {
  if (keep_only_ && !kept_.contains(data_pack)) return PackVerdict::kLost;
  auto found = verdicts_.find(data_pack);
  return found == verdicts_.end() ? PackVerdict::kUsable : found->second;
}

const PreviousMap::Stream* PreviousMap::Find(repository::StreamRoot root,
                                             std::string_view path) const {
  auto found = streams_.find(KeyOf(root, path));
  return found == streams_.end() ? nullptr : &found->second;
}

void PreviousMap::Forget(repository::StreamRoot root, std::string_view path) {
  streams_.erase(KeyOf(root, path));
}

const repository::BlobReference* PreviousMap::FindList(
    const crypto::Sha256Digest& raw_sha256) const {
  auto found = lists_.find(raw_sha256);
  if (found == lists_.end() || IsLost(found->second.pack.sha256)) return nullptr;
  return &found->second;
}

std::vector<crypto::Sha256Digest> PreviousMap::PacksThat(
    const std::function<bool(const crypto::Sha256Digest&)>& is_meant) const {
  std::vector<crypto::Sha256Digest> packs;
  for (const repository::PackReference& pack : metadata_packs_) {
    if (is_meant(pack.sha256)) packs.push_back(pack.sha256);
  }
  for (const repository::StoredPack& pack : data_packs_->packs()) {
    if (is_meant(pack.sha256)) packs.push_back(pack.sha256);
  }
  return packs;
}

bool PreviousMap::IsUsable(uint32_t number) const {
  const Leaf& leaf = leaves_[number];
  if (IsLost(metadata_packs_[leaf.pack].sha256)) return false;
  if (leaf.base_pack != kNoPack && IsLost(metadata_packs_[leaf.base_pack].sha256)) return false;
  return std::ranges::none_of(leaf.uses, [&](const repository::LeafUse& use) {
    return VerdictOf(data_packs_->packs()[use.pack].sha256) == PackVerdict::kLost;
  });
}

bool PreviousMap::NeedsPackToEmpty(uint32_t number) const {
  return std::ranges::any_of(leaves_[number].uses, [&](const repository::LeafUse& use) {
    return VerdictOf(data_packs_->packs()[use.pack].sha256) == PackVerdict::kToEmpty;
  });
}

std::vector<repository::PackUse> PreviousMap::PackUses() const {
  std::vector<double> live(data_packs_->packs().size());
  for (const Leaf& leaf : leaves_) {
    // Files that are gone or were changed leave units behind in the leaf that they shared.
    const double share = leaf.at.units == 0 ? 0 : double(leaf.live_units) / leaf.at.units;
    for (const repository::LeafUse& use : leaf.uses) live[use.pack] += share * use.bytes;
  }
  std::vector<repository::PackUse> uses;
  for (size_t i = 0; i < live.size(); ++i) {
    const repository::StoredPack& pack = data_packs_->packs()[i];
    uses.push_back({pack.sha256, pack.length, static_cast<uint64_t>(live[i])});
  }
  return uses;
}

Result<std::shared_ptr<const KnownLeaf>> PreviousMap::Read(repository::BlobReader& reader,
                                                           uint32_t number) const {
  const Leaf& leaf = leaves_[number];
  auto known = std::make_shared<KnownLeaf>();
  known->pack = metadata_packs_[leaf.pack];
  known->at = leaf.at;
  known->at.pack = 0;
  known->judged = leaf.judged;
  ASSIGN_OR_RETURN(known->leaf, repository::ReadLeaf(reader, known->pack, leaf.at));
  for (const repository::PackReference& pack : known->leaf.packs) {
    known->verdicts.push_back(VerdictOf(pack.sha256));
  }
  known->reusable = !IsLost(known->pack.sha256) &&
                    !(known->leaf.base && IsLost(known->leaf.base->pack.sha256)) &&
                    std::ranges::count(known->verdicts, PackVerdict::kLost) == 0;
  return std::shared_ptr<const KnownLeaf>(std::move(known));
}

Result<repository::KnownChunkLeaf> PreviousMap::ReadChunks(repository::BlobReader& reader,
                                                           uint32_t number) const {
  const Leaf& leaf = leaves_[number];
  repository::KnownChunkLeaf known;
  known.number = number;
  known.pack = metadata_packs_[leaf.pack];
  known.at = leaf.at;
  known.at.pack = 0;
  ASSIGN_OR_RETURN(known.leaf, repository::ReadChunkLeaf(reader, known.pack, leaf.at));
  for (const repository::PackReference& pack : known.leaf.packs) {
    known.verdicts.push_back(VerdictOf(pack.sha256));
  }
  known.reusable = !IsLost(known.pack.sha256);
  return known;
}

}  // namespace pgcairn::commands
