#include "commands/checkpoint_writer.h"

#include <utility>

#include "repository/checkpoint/checkpoint_store.h"
#include "repository/seal/document.h"

namespace pgcairn::commands {
namespace {

// A quarter of what a document may hold: one leaf more, of 4,096 files with the longest of paths,
// still fits.
constexpr uint64_t kPartBytes = repository::kSealedDocumentBytesMax / 4;

// Rather more than DescribeLeaf and DescribeParts make of it.
uint64_t EstimateBytes(const CheckpointWriter::Source& source, uint32_t leaf) {
  constexpr uint64_t kLeafBytes = 256;
  constexpr uint64_t kNeedBytes = 64;
  constexpr uint64_t kSliceBytesBesidePath = 32;
  const LeafResult& result = source.results[leaf];
  const bool stored = result.form == LeafResult::Form::kStored;
  uint64_t bytes =
      kLeafBytes +
      kNeedBytes * (stored ? result.stored.uses : source.previous.leaf(result.earlier).uses).size();
  for (const sources::Slice& slice : source.plan.leaves[leaf].plan.slices) {
    bytes += kSliceBytesBesidePath + source.listing.files[slice.file].path.size();
  }
  return bytes;
}

// Cuts what there is to say into checkpoints.
class CheckpointParts {
 public:
  CheckpointParts(const repository::ClusterAccess& cluster, const format::Checkpoint& head,
                  uint32_t& number)
      : cluster_(cluster), head_(head), number_(number), part_(head) {}

  // To be added to; the reference holds until the next Count.
  format::Checkpoint& part() { return part_; }
  // So many were added.
  Status Count(uint64_t bytes) {
    bytes_ += bytes;
    return bytes_ < kPartBytes ? Status() : Put();
  }
  Status Put() {
    if (bytes_ == 0) return {};
    RETURN_IF_ERROR(repository::PutCheckpoint(cluster_, number_++, part_));
    part_ = head_;
    bytes_ = 0;
    return {};
  }

 private:
  const repository::ClusterAccess& cluster_;
  const format::Checkpoint& head_;
  uint32_t& number_;
  format::Checkpoint part_;
  uint64_t bytes_ = 0;
};

void AddNeeds(const std::vector<repository::LeafUse>& uses, PreviousMap& previous,
              format::CheckpointLeaf& message) {
  for (const repository::LeafUse& use : uses) {
    const repository::StoredPack pack = previous.data_packs().At(use.pack);
    format::PackNeed* need = message.add_needs();
    need->set_sha256(ToString(pack.sha256.view()));
    need->set_length(pack.length);
    need->set_bytes(use.bytes);
  }
}

// The leaf itself. Returns its number of units.
uint32_t DescribeLeaf(const LeafResult& result,
                      const std::vector<repository::PackReference>& metadata_packs,
                      PreviousMap& previous, format::CheckpointLeaf& message) {
  uint32_t base_pack = repository::kNoPack;
  if (result.form == LeafResult::Form::kStored) {
    const repository::PendingBlob& at = result.stored.blob;
    repository::ToMessage(metadata_packs[at.pack], at.location, message.mutable_leaf());
    message.set_units(at.units);
    base_pack = result.stored.base_pack;
    AddNeeds(result.stored.uses, previous, message);
  } else {
    const PreviousMap::Leaf& leaf = previous.leaf(result.earlier);
    repository::ToMessage(previous.metadata_packs()[leaf.pack], leaf.at.location,
                          message.mutable_leaf());
    message.set_units(leaf.at.units);
    base_pack = leaf.base_pack;
    AddNeeds(leaf.uses, previous, message);
  }
  if (base_pack != repository::kNoPack) {
    repository::ToMessage(previous.metadata_packs()[base_pack], message.mutable_base_pack());
  }
  return message.units();
}

void DescribeParts(const CheckpointWriter::Source& source, uint32_t leaf, uint32_t units,
                   format::CheckpointLeaf& message) {
  const std::vector<sources::Slice>& slices = source.plan.leaves[leaf].plan.slices;
  const std::vector<SliceResult>& results = source.results[leaf].slices;
  for (size_t i = 0; i < slices.size(); ++i) {
    const uint32_t first = results[i].first_entry;
    const uint32_t end = i + 1 < slices.size() ? results[i + 1].first_entry : units;
    if (first >= end) continue;
    format::CheckpointPart* part = message.add_parts();
    part->set_path(source.listing.files[slices[i].file].path);
    part->set_root(static_cast<uint32_t>(repository::StreamRoot::kDataDirectory));
    part->set_first_unit(slices[i].offset / repository::kUnitBytes);
    part->set_first_entry(first);
    part->set_count(end - first);
  }
}

}  // namespace

CheckpointWriter::CheckpointWriter(const repository::ClusterAccess& cluster,
                                   format::Checkpoint head, uint32_t first_number,
                                   uint64_t interval_bytes)
    : cluster_(cluster),
      head_(std::move(head)),
      interval_bytes_(interval_bytes),
      number_(first_number),
      next_at_bytes_(interval_bytes) {}

void CheckpointWriter::Add(const Source& source, uint32_t leaf) {
  const uint64_t bytes = EstimateBytes(source, leaf);
  std::lock_guard lock(mutex_);
  added_.push_back(leaf);
  added_bytes_ += bytes;
}

bool CheckpointWriter::IsDue(const repository::PackUploader& uploader) const {
  if (uploader.stored_bytes() >= next_at_bytes_) return true;
  std::lock_guard lock(mutex_);
  return added_bytes_ >= kPartBytes;
}

Status CheckpointWriter::Write(const Source& source, repository::PackUploader& uploader,
                               repository::MetadataWriter& metadata) {
  // From the beginning: on a busy disk much is stored until this one is put.
  next_at_bytes_ = uploader.stored_bytes() + interval_bytes_;
  std::vector<uint32_t> leaves;
  {
    std::lock_guard lock(mutex_);
    leaves.swap(added_);
    added_bytes_ = 0;
  }
  // What was added before is in a pack that is closed now, and its data packs were submitted
  // before it.
  ASSIGN_OR_RETURN(std::vector<repository::PackReference> metadata_packs, metadata.CloseOpenPack());
  RETURN_IF_ERROR(uploader.Drain());
  CheckpointParts parts(cluster_, head_, number_);
  // The packs first: a full backup uses only leaves in packs that are named.
  for (const repository::StoredPack& pack : uploader.Stored(packs_named_)) {
    format::PackNeed* added = parts.part().add_new_packs();
    added->set_sha256(ToString(pack.sha256.view()));
    added->set_length(pack.length);
    ++packs_named_;
    RETURN_IF_ERROR(parts.Count(added->ByteSizeLong()));
  }
  for (uint32_t leaf : leaves) {
    format::CheckpointLeaf* message = parts.part().add_leaves();
    const uint32_t units =
        DescribeLeaf(source.results[leaf], metadata_packs, source.previous, *message);
    DescribeParts(source, leaf, units, *message);
    RETURN_IF_ERROR(parts.Count(message->ByteSizeLong()));
  }
  return parts.Put();
}

}  // namespace pgcairn::commands
