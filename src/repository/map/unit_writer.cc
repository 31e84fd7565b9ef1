#include "repository/map/unit_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pgcairn::repository {
namespace {

// Well compressible data would otherwise let leaves pile up until the pack is full.
constexpr size_t kWaitingLeavesMax = 64;

}  // namespace

UnitWriter::UnitWriter(const ClusterAccess& cluster, PackUploader& uploader,
                       MetadataWriter& metadata, int level, OnLeaf on_leaf)
    : cluster_(cluster),
      uploader_(uploader),
      metadata_(metadata),
      on_leaf_(std::move(on_leaf)),
      encoder_(level),
      fingerprint_(cluster.keys.fingerprint_secret()),
      blob_(kBlobBytesTarget) {}

Status UnitWriter::BeginLeaf(uint32_t leaf_number) {
  CHECK(!current_.has_value());
  current_.emplace();
  current_->number = leaf_number;
  return {};
}

std::span<uint8_t> UnitWriter::Room() { return std::span(blob_).subspan(blob_used_); }

Status UnitWriter::Commit(size_t size) {
  CHECK(current_.has_value() && blob_used_ + size <= blob_.size());
  const size_t begin = blob_used_;
  for (size_t at = 0; at < size; at += kUnitBytes) {
    ByteView unit(blob_.data() + begin + at, std::min<size_t>(kUnitBytes, size - at));
    UnitEntry entry;
    entry.fingerprint = fingerprint_.Of(unit);
    if (!IsAllZeros(unit)) {
      entry.blob = static_cast<uint16_t>(current_->leaf.blobs.size());
      entry.place = static_cast<uint32_t>(blob_used_);
      // Zero units before this one leave a hole that it moves into.
      if (blob_used_ != begin + at) {
        std::memmove(blob_.data() + blob_used_, unit.data(), unit.size());
      }
      blob_used_ += unit.size();
    }
    current_->leaf.units.push_back(entry);
    ++units_;
  }
  CHECK(current_->leaf.units.size() <= kLeafUnitsMax);
  if (blob_.size() - blob_used_ < kUnitBytes) return FlushBlob();
  return {};
}

Status UnitWriter::FlushBlob() {
  if (blob_used_ == 0) return {};
  if (pack_ && !pack_->HasRoom(blob_used_)) RETURN_IF_ERROR(ClosePack());
  if (!pack_) {
    ASSIGN_OR_RETURN(PackBuilder pack,
                     PackBuilder::Begin(ObjectKind::kDataPack, cluster_.keys.Current(),
                                        cluster_.place, &encoder_));
    pack_.emplace(std::move(pack));
  }
  TableBlob blob;
  ASSIGN_OR_RETURN(blob.location, pack_->Add(ByteView(blob_).first(blob_used_)));
  blob.pack = PackIndexInLeaf();
  current_->leaf.blobs.push_back(blob);
  blob_used_ = 0;
  return {};
}

uint32_t UnitWriter::PackIndexInLeaf() {
  auto serial = static_cast<uint32_t>(closed_packs_.size());
  std::vector<uint32_t>& serials = current_->pack_serials;
  if (serials.empty() || serials.back() != serial) serials.push_back(serial);
  return static_cast<uint32_t>(serials.size() - 1);
}

Status UnitWriter::EndLeaf() {
  CHECK(current_.has_value());
  RETURN_IF_ERROR(FlushBlob());
  OpenLeaf leaf = std::move(*current_);
  current_.reset();
  if (leaf.leaf.units.empty()) return {};
  waiting_.push_back(std::move(leaf));
  if (waiting_.size() >= kWaitingLeavesMax && pack_) return ClosePack();
  return StoreReadyLeaves();
}

Status UnitWriter::ClosePack() {
  FinishedPack finished = pack_->Finish();
  pack_.reset();
  closed_packs_.push_back(finished.reference);
  RETURN_IF_ERROR(uploader_.Submit(std::move(finished)));
  return StoreReadyLeaves();
}

Status UnitWriter::StoreReadyLeaves() {
  while (!waiting_.empty()) {
    OpenLeaf& open = waiting_.front();
    if (!open.pack_serials.empty() && open.pack_serials.back() >= closed_packs_.size()) break;
    for (uint32_t serial : open.pack_serials) open.leaf.packs.push_back(closed_packs_[serial]);
    ASSIGN_OR_RETURN(PendingBlob stored, metadata_.Add(EncodeMapLeaf(open.leaf)));
    stored.units = static_cast<uint16_t>(open.leaf.units.size());
    on_leaf_(open.number, stored);
    waiting_.pop_front();
  }
  return {};
}

Status UnitWriter::Finish() {
  CHECK(!current_.has_value());
  if (pack_) RETURN_IF_ERROR(ClosePack());
  RETURN_IF_ERROR(StoreReadyLeaves());
  CHECK(waiting_.empty());
  return {};
}

}  // namespace pgcairn::repository
