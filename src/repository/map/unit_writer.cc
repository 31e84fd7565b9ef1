#include "repository/map/unit_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pgcairn::repository {
namespace {

// Well compressible data would otherwise let leaves pile up until the pack is full.
constexpr size_t kUnitsWaitingBytesMax = size_t{8} * 1024 * 1024;

}  // namespace

void UnitCounts::Add(const UnitCounts& other) {
  written += other.written;
  read += other.read;
  read_bytes += other.read_bytes;
  changed += other.changed;
  stored += other.stored;
  compacted += other.compacted;
  stored_bytes += other.stored_bytes;
  compacted_bytes += other.compacted_bytes;
}

UnitWriter::UnitWriter(const ClusterAccess& cluster, PackUploader& uploader,
                       MetadataWriter& metadata, int level, CompactionBudget* budget,
                       OnLeaf on_leaf)
    : cluster_(cluster),
      uploader_(uploader),
      metadata_(metadata),
      budget_(budget),
      on_leaf_(std::move(on_leaf)),
      encoder_(level),
      fingerprint_(cluster.keys.fingerprint_secret()) {
  // Behind the blob that is filled there is always room for a read of full length: of what is read
  // little may be new.
  changed_.blob.resize(2 * kBlobBytesTarget);
}

void UnitWriter::BeginLeaf(uint32_t leaf_number, const KnownLeaf* aligned) {
  CHECK(!current_.has_value());
  current_.emplace(leaf_number, aligned);
}

std::span<uint8_t> UnitWriter::Room() {
  return std::span(changed_.blob).subspan(changed_.used, kBlobBytesTarget);
}

Status UnitWriter::Commit(size_t size, std::span<const KnownUnit> known) {
  CHECK(current_.has_value() && size <= kBlobBytesTarget);
  const size_t begin = changed_.used;
  for (size_t at = 0, i = 0; at < size; at += kUnitBytes, ++i) {
    ByteView unit(changed_.blob.data() + begin + at, std::min<size_t>(kUnitBytes, size - at));
    const KnownUnit same = known.empty() ? KnownUnit() : known[i];
    ++counts_.written;
    ++counts_.read;
    counts_.read_bytes += unit.size();
    if (same.leaf != nullptr) {
      PackVerdict verdict = same.leaf->VerdictOf(same.unit());
      if (verdict == PackVerdict::kToEmpty && budget_ != nullptr &&
          budget_->Take(same.pack(), same.StoredBytes())) {
        ++counts_.compacted;
        RETURN_IF_ERROR(AddTo(compacted_, unit, same.unit().fingerprint));
        continue;
      }
      if (verdict != PackVerdict::kLost) {
        current_->Keep(same);
        continue;
      }
    }
    ++counts_.changed;
    const uint64_t fingerprint = fingerprint_.Of(unit);
    if (IsAllZeros(unit)) {
      current_->AddZero(fingerprint);
      continue;
    }
    ++counts_.stored;
    RETURN_IF_ERROR(AddTo(changed_, unit, fingerprint));
  }
  return {};
}

void UnitWriter::Keep(const KnownUnit& known) {
  ++counts_.written;
  current_->Keep(known);
}

Status UnitWriter::AddTo(Sink& sink, ByteView unit, uint64_t fingerprint) {
  if (sink.blob.empty()) sink.blob.resize(kBlobBytesTarget);
  if (sink.used == 0) sink.blob_index = current_->ReserveBlob();
  current_->AddStored(sink.blob_index, static_cast<uint32_t>(sink.used), fingerprint);
  // Units that are not stored leave a hole that this one moves into.
  uint8_t* place = sink.blob.data() + sink.used;
  if (place != unit.data()) std::memmove(place, unit.data(), unit.size());
  sink.used += unit.size();
  if (kBlobBytesTarget - sink.used < kUnitBytes) return FlushBlob(sink);
  return {};
}

Status UnitWriter::FlushBlob(Sink& sink) {
  if (sink.used == 0) return {};
  if (sink.pack && !sink.pack->HasRoom(sink.used)) RETURN_IF_ERROR(ClosePack(sink));
  if (!sink.pack) {
    ASSIGN_OR_RETURN(PackBuilder pack,
                     PackBuilder::Begin(ObjectKind::kDataPack, cluster_.keys.Current(),
                                        cluster_.place, &encoder_));
    sink.pack.emplace(std::move(pack));
    sink.serial = static_cast<uint32_t>(packs_.size());
    packs_.emplace_back();
  }
  ASSIGN_OR_RETURN(BlobLocation location, sink.pack->Add(ByteView(sink.blob).first(sink.used)));
  current_->SetBlob(sink.blob_index, sink.serial, location);
  if (&sink == &compacted_) {
    counts_.compacted_bytes += location.stored_length;
  } else {
    counts_.stored_bytes += location.stored_length;
  }
  sink.used = 0;
  return {};
}

Status UnitWriter::EndLeaf() {
  CHECK(current_.has_value());
  RETURN_IF_ERROR(FlushBlob(changed_));
  RETURN_IF_ERROR(FlushBlob(compacted_));
  LeafBuilder leaf = std::move(*current_);
  current_.reset();
  leaf.Close();
  if (leaf.unit_count() == 0) return {};
  if (leaf.unchanged()) {
    StoredLeaf unchanged;
    unchanged.unchanged = true;
    on_leaf_(leaf.number(), unchanged);
    return {};
  }
  waiting_bytes_ += leaf.memory_bytes();
  waiting_.push_back(std::move(leaf));
  if (waiting_bytes_ >= kUnitsWaitingBytesMax) return Flush();
  return StoreReadyLeaves();
}

Status UnitWriter::ClosePack(Sink& sink) {
  if (!sink.pack) return {};
  FinishedPack finished = sink.pack->Finish();
  sink.pack.reset();
  packs_[sink.serial] = finished.reference;
  return uploader_.Submit(std::move(finished));
}

Status UnitWriter::StoreReadyLeaves() {
  for (auto leaf = waiting_.begin(); leaf != waiting_.end();) {
    if (!leaf->IsReady(packs_)) {
      ++leaf;
      continue;
    }
    StoredLeaf stored;
    ASSIGN_OR_RETURN(stored.blob, metadata_.Add(leaf->Encode(packs_)));
    stored.blob.units = static_cast<uint16_t>(leaf->unit_count());
    stored.base_pack = leaf->base_pack();
    stored.uses = leaf->Uses(packs_);
    on_leaf_(leaf->number(), stored);
    waiting_bytes_ -= leaf->memory_bytes();
    leaf = waiting_.erase(leaf);
  }
  return {};
}

Status UnitWriter::Flush() {
  CHECK(!current_.has_value());
  RETURN_IF_ERROR(ClosePack(changed_));
  RETURN_IF_ERROR(ClosePack(compacted_));
  RETURN_IF_ERROR(StoreReadyLeaves());
  CHECK(waiting_.empty());
  return {};
}

}  // namespace pgcairn::repository
