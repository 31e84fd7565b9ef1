#include "repository/map/leaf_builder.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "repository/map/map_patch.h"

namespace pgcairn::repository {
namespace {

constexpr uint16_t kNotTaken = kZeroUnit;
constexpr uint32_t kNoPackYet = UINT32_MAX;

}  // namespace

LeafBuilder::Kept& LeafBuilder::KeptOf(const KnownLeaf* leaf) {
  // One, or two where a file has outgrown the leaf that it shared.
  for (Kept& kept : kept_) {
    if (kept.leaf == leaf) return kept;
  }
  kept_.push_back({leaf, std::vector<uint16_t>(leaf->leaf.blobs.size(), kNotTaken),
                   std::vector<uint32_t>(leaf->leaf.packs.size(), kNoPackYet)});
  return kept_.back();
}

uint16_t LeafBuilder::TakeBlob(Kept& kept, uint16_t blob) {
  uint16_t& taken = kept.blobs[blob];
  if (taken != kNotTaken) return taken;
  TableBlob copy = kept.leaf->leaf.blobs[blob];
  uint32_t& pack = kept.packs[copy.pack];
  if (pack == kNoPackYet) {
    pack = static_cast<uint32_t>(packs_.size());
    packs_.push_back({kept.leaf->leaf.packs[copy.pack], 0});
  }
  copy.pack = pack;
  taken = static_cast<uint16_t>(blobs_.size());
  blobs_.push_back(copy);
  CHECK(blobs_.size() < kZeroUnit);
  return taken;
}

void LeafBuilder::Append(const UnitEntry& unit, bool as_aligned) {
  CHECK(units_.size() < kLeafUnitsMax);
  if (!as_aligned) changed_.push_back(static_cast<uint16_t>(units_.size()));
  units_.push_back(unit);
  ++unit_count_;
}

void LeafBuilder::Keep(const KnownUnit& known) {
  UnitEntry unit = known.unit();
  if (unit.blob != kZeroUnit) unit.blob = TakeBlob(KeptOf(known.leaf), unit.blob);
  Append(unit, known.leaf == aligned_ && known.entry == units_.size());
}

void LeafBuilder::AddZero(uint64_t fingerprint) { Append({kZeroUnit, 0, fingerprint}, false); }

void LeafBuilder::AddStored(uint16_t blob, uint32_t place, uint64_t fingerprint) {
  Append({blob, place, fingerprint}, false);
}

uint16_t LeafBuilder::ReserveBlob() {
  CHECK(blobs_.size() + 1 < kZeroUnit);
  blobs_.emplace_back();
  return static_cast<uint16_t>(blobs_.size() - 1);
}

void LeafBuilder::SetBlob(uint16_t blob, uint32_t pack_serial, const BlobLocation& location) {
  auto same = [&](const Pack& pack) { return !pack.known && pack.serial == pack_serial; };
  auto found = std::find_if(packs_.begin(), packs_.end(), same);
  blobs_[blob].pack = static_cast<uint32_t>(found - packs_.begin());
  blobs_[blob].location = location;
  if (found == packs_.end()) packs_.push_back({std::nullopt, pack_serial});
}

void LeafBuilder::ChooseForm() {
  form_ = Form::kWhole;
  if (aligned_ == nullptr || !aligned_->reusable) return;
  const MapLeaf& before = aligned_->leaf;
  if (changed_.empty() && unit_count_ == before.units.size()) {
    form_ = Form::kUnchanged;
    return;
  }
  std::set_union(before.patched.begin(), before.patched.end(), changed_.begin(), changed_.end(),
                 std::back_inserter(patched_));
  std::erase_if(patched_, [&](uint16_t place) { return place >= unit_count_; });
  if (patched_.empty() || patched_.size() * kPatchShare > unit_count_) return;
  form_ = Form::kPatch;
  base_ = before.base ? *before.base : LeafBase{aligned_->pack, aligned_->at};
}

void LeafBuilder::Close() {
  ChooseForm();
  blob_bytes_.resize(blobs_.size());
  for (const UnitEntry& unit : units_) {
    if (unit.blob == kZeroUnit) continue;
    blob_bytes_[unit.blob] +=
        std::min<uint64_t>(kUnitBytes, blobs_[unit.blob].location.raw_length - unit.place);
  }
  if (form_ == Form::kPatch) {
    std::vector<UnitEntry> stated;
    stated.reserve(patched_.size());
    for (uint16_t place : patched_) stated.push_back(units_[place]);
    units_ = std::move(stated);
  }
  aligned_ = nullptr;
  kept_.clear();
  changed_.clear();
}

bool LeafBuilder::IsReady(const std::vector<std::optional<PackReference>>& closed) const {
  return std::ranges::all_of(packs_, [&](const Pack& pack) {
    return pack.known || (pack.serial < closed.size() && closed[pack.serial]);
  });
}

std::vector<PackReference> LeafBuilder::Named(
    const std::vector<std::optional<PackReference>>& closed) const {
  std::vector<PackReference> packs;
  packs.reserve(packs_.size());
  for (const Pack& pack : packs_) packs.push_back(pack.known ? *pack.known : *closed[pack.serial]);
  return packs;
}

Bytes LeafBuilder::EncodeWhole(std::vector<PackReference> packs) const {
  MapLeaf leaf;
  leaf.packs = std::move(packs);
  leaf.blobs = blobs_;
  leaf.units = units_;
  return EncodeMapLeaf(leaf);
}

Bytes LeafBuilder::EncodePatch(const std::vector<PackReference>& packs) const {
  MapPatch patch;
  patch.base = base_;
  patch.units = static_cast<uint32_t>(unit_count_);
  patch.places = patched_;
  std::vector<uint16_t> blob_index(blobs_.size(), kNotTaken);
  std::vector<uint32_t> pack_index(packs.size(), kNoPackYet);
  for (UnitEntry unit : units_) {
    if (unit.blob != kZeroUnit) {
      uint16_t& blob = blob_index[unit.blob];
      if (blob == kNotTaken) {
        TableBlob taken = blobs_[unit.blob];
        uint32_t& pack = pack_index[taken.pack];
        if (pack == kNoPackYet) {
          pack = static_cast<uint32_t>(patch.packs.size());
          patch.packs.push_back(packs[taken.pack]);
        }
        taken.pack = pack;
        blob = static_cast<uint16_t>(patch.blobs.size());
        patch.blobs.push_back(taken);
      }
      unit.blob = blob;
    }
    patch.entries.push_back(unit);
  }
  return EncodeMapPatch(patch);
}

Bytes LeafBuilder::Encode(const std::vector<std::optional<PackReference>>& closed) const {
  CHECK(form_ == Form::kPatch || form_ == Form::kWhole);
  std::vector<PackReference> packs = Named(closed);
  return form_ == Form::kPatch ? EncodePatch(packs) : EncodeWhole(std::move(packs));
}

std::optional<PackReference> LeafBuilder::base_pack() const {
  if (form_ != Form::kPatch) return std::nullopt;
  return base_.pack;
}

std::vector<PackBytes> LeafBuilder::Uses(
    const std::vector<std::optional<PackReference>>& closed) const {
  std::vector<uint64_t> stored_bytes(packs_.size());
  for (size_t i = 0; i < blobs_.size(); ++i) {
    if (blob_bytes_[i] == 0) continue;
    stored_bytes[blobs_[i].pack] += NeededBytes(blobs_[i].location, blob_bytes_[i]);
  }
  // Two earlier leaves may name the same pack.
  std::map<crypto::Sha256Digest, PackBytes> uses;
  std::vector<PackReference> packs = Named(closed);
  for (size_t i = 0; i < packs.size(); ++i) {
    if (stored_bytes[i] == 0) continue;
    PackBytes& use = uses[packs[i].sha256];
    use.pack = {packs[i].sha256, packs[i].length};
    use.bytes += static_cast<uint32_t>(stored_bytes[i]);
  }
  std::vector<PackBytes> result;
  for (const auto& [sha256, use] : uses) result.push_back(use);
  return result;
}

}  // namespace pgcairn::repository
