#include "commands/batch_restorer.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <utility>

#include "repository/map/leaf_reader.h"

namespace pgcairn::commands {

using repository::kUnitBytes;
using repository::LeafPart;
using repository::MapLeaf;
using repository::StreamEntry;
using repository::StreamKind;

namespace {

constexpr std::array<uint8_t, kUnitBytes> kZeros{};

uint64_t Pages(const StreamEntry& entry, uint64_t units) {
  return entry.kind == StreamKind::kRelationFile ? units : 0;
}

Error NotWhatWasBackedUp(const StreamEntry& entry, uint64_t unit) {
  Error error = WrongUnit(entry, unit);
  error.hint = "run `pgcairn list` and restore from another backup";
  return error;
}

}  // namespace

BatchRestorer::BatchRestorer(const ListToRestore& shared)
    : shared_(shared), reader_(shared.cluster), proof_(shared.cluster.keys.fingerprint_secret()) {}

Status BatchRestorer::Restore(std::span<const size_t> leaves) {
  targets_.clear();
  blobs_.clear();
  {
    ASSIGN_OR_RETURN(std::vector<MapLeaf> maps,
                     repository::ReadLeaves(reader_, shared_.list, leaves));
    for (size_t i = 0; i < leaves.size(); ++i) {
      RETURN_IF_ERROR(WantLeaf(maps[i], shared_.parts[leaves[i]]));
    }
  }
  return wanted_.Read(reader_, repository::ObjectKind::kDataPack,
                      [&](uint32_t tag, ByteView raw) -> Status {
                        if (shared_.stop) return Error{Code::kCancelled, "another part failed", ""};
                        const BlobTargets& blob = blobs_[tag];
                        return WriteUnits(raw, std::span(targets_).subspan(blob.first, blob.count));
                      });
}

Status BatchRestorer::WantLeaf(const MapLeaf& leaf, const std::vector<LeafPart>& parts) {
  leaf_targets_.clear();
  for (const LeafPart& part : parts) {
    if (shared_.stop) return Error{Code::kCancelled, "another part failed", ""};
    RETURN_IF_ERROR(WantPart(leaf, part));
  }
  // By blob, and within one as they lie in the files. A full backup has them so already.
  auto by_blob = [](const auto& wanted) { return wanted.first; };
  if (!std::ranges::is_sorted(leaf_targets_, {}, by_blob)) {
    std::ranges::stable_sort(leaf_targets_, {}, by_blob);
  }
  std::vector<std::optional<uint32_t>> packs(leaf.packs.size());
  for (size_t i = 0; i < leaf_targets_.size(); ++i) {
    const uint16_t blob = leaf_targets_[i].first;
    if (i == 0 || blob != leaf_targets_[i - 1].first) {
      const repository::TableBlob& at = leaf.blobs[blob];
      if (!packs[at.pack]) packs[at.pack] = wanted_.Pack(leaf.packs[at.pack]);
      wanted_.Want(*packs[at.pack], at.location, static_cast<uint32_t>(blobs_.size()));
      blobs_.push_back({targets_.size(), 0});
    }
    targets_.push_back(leaf_targets_[i].second);
    ++blobs_.back().count;
  }
  return {};
}

Status BatchRestorer::WantPart(const MapLeaf& leaf, const LeafPart& part) {
  const StreamEntry& entry = Entry(part.stream);
  const bool compare = shared_.compare[part.stream];
  std::vector<bool> differs;
  if (compare) {
    if (!compare_) compare_.emplace(proof_.fingerprint());
    RETURN_IF_ERROR(OpenTo(read_from_, part.stream, O_RDONLY));
    ASSIGN_OR_RETURN(differs,
                     compare_->Differs(read_from_.fd.get(), read_from_.path, entry, part, leaf));
    shared_.counts.pages_compared += Pages(entry, part.count);
  }
  uint64_t settled = 0;
  for (uint32_t i = 0; i < part.count; ++i) {
    const repository::UnitEntry& unit = leaf.units[part.first_entry + i];
    const uint64_t number = part.first_unit + i;
    const bool is_right = compare && !differs[i];
    if (is_right) {
      settled += UnitLength(entry, number);
    } else if (unit.blob == repository::kZeroUnit) {
      if (!proof_.IsOfZeros(entry, number, unit.fingerprint)) {
        return NotWhatWasBackedUp(entry, number);
      }
      // A new file has its full size: what is not written reads as zeros.
      if (compare) {
        RETURN_IF_ERROR(WriteZeros(part.stream, number));
      } else {
        settled += UnitLength(entry, number);
      }
    } else {
      leaf_targets_.push_back({unit.blob, {unit.place, part.stream, number, unit.fingerprint}});
    }
  }
  shared_.progress.Add(settled);
  return {};
}

Status BatchRestorer::WriteZeros(uint32_t stream, uint64_t unit) {
  return Write(stream, unit, ByteView(kZeros).first(UnitLength(Entry(stream), unit)));
}

Status BatchRestorer::WriteUnits(ByteView raw, std::span<const UnitTarget> targets) {
  while (!targets.empty()) {
    ASSIGN_OR_RETURN(size_t count, ProvenRun(raw, targets));
    const UnitTarget& first = targets.front();
    const UnitTarget& last = targets[count - 1];
    const size_t bytes = (count - 1) * kUnitBytes + UnitLength(Entry(last.stream), last.unit);
    RETURN_IF_ERROR(Write(first.stream, first.unit, raw.subspan(first.place, bytes)));
    targets = targets.subspan(count);
  }
  return {};
}

// Runs that are adjacent in the blob and in the file.
Result<size_t> BatchRestorer::ProvenRun(ByteView raw, std::span<const UnitTarget> targets) const {
  const UnitTarget& first = targets.front();
  const StreamEntry& entry = Entry(first.stream);
  size_t count = 0;
  for (; count < targets.size(); ++count) {
    const UnitTarget& target = targets[count];
    const bool adjacent = target.stream == first.stream && target.unit == first.unit + count &&
                          target.place == first.place + count * kUnitBytes;
    if (!adjacent) break;
    if (!proof_.IsIn(raw, target.place, entry, target.unit, target.fingerprint)) {
      return NotWhatWasBackedUp(entry, target.unit);
    }
  }
  return count;
}

Status BatchRestorer::Write(uint32_t stream, uint64_t unit, ByteView bytes) {
  RETURN_IF_ERROR(OpenTo(write_to_, stream, O_WRONLY));
  RETURN_IF_ERROR(WriteAt(write_to_.fd.get(), bytes, unit * kUnitBytes, write_to_.path));
  shared_.counts.pages_written +=
      Pages(Entry(stream), (bytes.size() + kUnitBytes - 1) / kUnitBytes);
  shared_.counts.bytes_written += bytes.size();
  shared_.progress.Add(bytes.size());
  return {};
}

Status BatchRestorer::OpenTo(OpenFile& file, uint32_t stream, int flags) const {
  if (file.fd.valid() && file.stream == stream) return {};
  file.path = shared_.roots.PathOf(Entry(stream));
  ASSIGN_OR_RETURN(file.fd, Open(file.path, flags | O_NOFOLLOW));
  file.stream = stream;
  return {};
}

}  // namespace pgcairn::commands
