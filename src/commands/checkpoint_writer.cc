#include "commands/checkpoint_writer.h"

#include <utility>

#include "repository/checkpoint/checkpoint_store.h"

namespace pgcairn::commands {
namespace {

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

void CheckpointWriter::Add(uint32_t leaf) {
  std::lock_guard lock(mutex_);
  added_.push_back(leaf);
}

Status CheckpointWriter::Write(const Source& source, repository::PackUploader& uploader,
                               repository::MetadataWriter& metadata) {
  std::vector<uint32_t> leaves;
  {
    std::lock_guard lock(mutex_);
    leaves.swap(added_);
  }
  // What was added before is in a pack that is closed now, and its data packs were submitted
  // before it.
  ASSIGN_OR_RETURN(std::vector<repository::PackReference> metadata_packs, metadata.CloseOpenPack());
  RETURN_IF_ERROR(uploader.Drain());
  format::Checkpoint checkpoint = head_;
  for (const repository::StoredPack& pack : uploader.Stored(packs_named_)) {
    format::PackNeed* added = checkpoint.add_new_packs();
    added->set_sha256(ToString(pack.sha256.view()));
    added->set_length(pack.length);
    ++packs_named_;
  }
  for (uint32_t leaf : leaves) {
    format::CheckpointLeaf* message = checkpoint.add_leaves();
    const uint32_t units =
        DescribeLeaf(source.results[leaf], metadata_packs, source.previous, *message);
    DescribeParts(source, leaf, units, *message);
  }
  next_at_bytes_ = uploader.stored_bytes() + interval_bytes_;
  return repository::PutCheckpoint(cluster_, number_++, checkpoint);
}

}  // namespace pgcairn::commands
