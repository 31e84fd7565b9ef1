#include "commands/copy_leaves.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <thread>
#include <utility>

#include "crypto/fingerprint.h"
#include "repository/pack/blob_reader.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using repository::KnownLeaf;
using repository::KnownUnit;
using repository::kUnitBytes;
using repository::PackVerdict;

constexpr size_t kPathsMax = 1000;
// Small files beside one another share leaves.
constexpr size_t kLeavesKept = 4;

uint64_t UnitsOf(uint64_t bytes) { return (bytes + kUnitBytes - 1) / kUnitBytes; }

Error Stopped() { return {Code::kCancelled, "copying was stopped", ""}; }

}  // namespace

void UnseenChanges::Add(uint32_t file, const std::string& path) {
  std::lock_guard lock(mutex_);
  if (!files_.insert(file).second) return;
  if (paths_.size() < kPathsMax) paths_.push_back(path);
}

uint64_t UnseenChanges::count() const {
  std::lock_guard lock(mutex_);
  return files_.size();
}

std::vector<std::string> UnseenChanges::paths() const {
  std::lock_guard lock(mutex_);
  return paths_;
}

// What one thread works with.
class LeafCopier::Worker {
 public:
  explicit Worker(LeafCopier& copier)
      : copier_(copier),
        tools_(copier.tools_),
        writer_(tools_.cluster, tools_.uploader, tools_.metadata, tools_.compression_level,
                tools_.budget,
                [this](uint32_t leaf, const repository::StoredLeaf& stored) {
                  copier_.TakeStored(leaf, stored);
                }),
        reader_(tools_.reader),
        blobs_(tools_.cluster),
        fingerprint_(tools_.cluster.keys.fingerprint_secret()) {}

  Status Run() {
    for (;;) {
      if (copier_.stop_) return Stopped();
      size_t leaf = copier_.next_++;
      if (leaf >= tools_.plan.leaves.size()) break;
      RETURN_IF_ERROR(CopyLeaf(static_cast<uint32_t>(leaf)));
    }
    return writer_.Flush();
  }

  const repository::UnitCounts& counts() const { return writer_.counts(); }

 private:
  // What an earlier backup knows of the units of one slice.
  struct Known {
    std::vector<KnownUnit> units;
    const KnownLeaf* aligned = nullptr;  // knows the slice's units at their own numbers
    uint32_t aligned_number = 0;
  };

  Status CopyLeaf(uint32_t leaf) {
    const PlannedLeaf& planned = tools_.plan.leaves[leaf];
    if (planned.only_to_empty && (tools_.budget == nullptr || tools_.budget->IsSpent())) return {};
    std::vector<Known> known;
    for (const sources::Slice& slice : planned.plan.slices) known.push_back(KnownOf(slice));
    if (planned.only_to_empty && !AllKnown(known)) return {};
    // Small files that share a leaf may all be where they were, so that it can serve again.
    copier_.results_[leaf].earlier = known[0].aligned_number;
    writer_.BeginLeaf(leaf, known[0].aligned);
    const uint64_t leaf_begin = writer_.counts().written;
    for (size_t i = 0; i < known.size(); ++i) {
      const sources::Slice& slice = planned.plan.slices[i];
      SliceResult result;
      result.first_entry = static_cast<uint16_t>(writer_.counts().written - leaf_begin);
      RETURN_IF_ERROR(planned.only_to_empty ? EmptySlice(slice, known[i])
                                            : CopySlice(slice, known[i], result));
      copier_.results_[leaf].slices.push_back(result);
    }
    RETURN_IF_ERROR(writer_.EndLeaf());
    // What the next leaf may need again is kept.
    while (loaded_.size() > kLeavesKept) loaded_.pop_front();
    return {};
  }

  static bool AllKnown(const std::vector<Known>& known) {
    return std::ranges::all_of(known, [](const Known& slice) {
      return std::ranges::all_of(slice.units,
                                 [](const KnownUnit& unit) { return unit.leaf != nullptr; });
    });
  }

  Known KnownOf(const sources::Slice& slice) {
    Known known;
    const uint64_t first = slice.offset / kUnitBytes;
    known.units.resize(UnitsOf(slice.length));
    const PreviousMap::Stream* stream = tools_.previous.Find(repository::StreamRoot::kDataDirectory,
                                                             tools_.listing.files[slice.file].path);
    if (stream == nullptr) return known;
    for (const PreviousMap::Extent& extent : stream->extents) {
      const uint64_t begin = std::max(first, extent.first_unit);
      const uint64_t end = std::min(first + known.units.size(), extent.first_unit + extent.count);
      if (begin >= end) continue;
      const KnownLeaf* leaf = Load(extent.leaf);
      if (leaf == nullptr) continue;
      for (uint64_t unit = begin; unit < end; ++unit) {
        auto entry = static_cast<uint32_t>(extent.first_entry + unit - extent.first_unit);
        known.units[unit - first] = {leaf, entry};
      }
      if (extent.first_unit == first && extent.first_entry == 0) {
        known.aligned = leaf;
        known.aligned_number = extent.leaf;
      }
    }
    return known;
  }

  // Null when it cannot be read: its units then count as not stored.
  const KnownLeaf* Load(uint32_t number) {
    for (const auto& [loaded, leaf] : loaded_) {
      if (loaded == number) return leaf.get();
    }
    Result<std::shared_ptr<const KnownLeaf>> leaf = tools_.previous.Read(blobs_, number);
    if (!leaf.ok()) {
      LogWarning("a leaf of an earlier backup cannot be used: {}", leaf.error().message);
      return nullptr;
    }
    const KnownLeaf* result = leaf->get();
    loaded_.emplace_back(number, *std::move(leaf));
    return result;
  }

  // Reads on, and says of each unit whether it is as it was. Returns the bytes that were read.
  Result<size_t> ReadAndCompare(std::span<uint8_t> room, std::span<const KnownUnit> known) {
    same_.clear();
    return reader_.Read(room, [&](ByteView page) {
      const size_t i = same_.size();
      const KnownUnit& unit = i < known.size() ? known[i] : nothing_;
      const bool is_same = unit.leaf != nullptr && fingerprint_.Of(page) == unit.unit().fingerprint;
      same_.push_back(is_same ? unit : KnownUnit());
      return is_same && unit.leaf->judged;
    });
  }

  // Whether units of the last read, which were `known`, differ in a file whose stamps are as they
  // were. Units of leaves that cannot be read are not known to differ, and what the server has
  // written since the listing shows in the stamps.
  void NoteUnseen(const sources::Slice& slice, std::span<const KnownUnit> known) {
    if (!tools_.plan.claims_unchanged[slice.file]) return;
    bool any = false;
    for (size_t i = 0; i < same_.size() && i < known.size(); ++i) {
      any = any || (same_[i].leaf == nullptr && known[i].leaf != nullptr);
    }
    const postgres::DataFile& file = tools_.listing.files[slice.file];
    if (any && reader_.IsAsListed(file)) copier_.unseen_.Add(slice.file, file.path);
  }

  Status CopySlice(const sources::Slice& slice, const Known& known, SliceResult& result) {
    RETURN_IF_ERROR(reader_.Open(tools_.listing.files[slice.file], slice));
    result.vanished = reader_.vanished();
    for (;;) {
      if (copier_.stop_) return Stopped();
      const size_t done = std::min<size_t>(UnitsOf(result.bytes), known.units.size());
      const std::span<const KnownUnit> expected = std::span(known.units).subspan(done);
      ASSIGN_OR_RETURN(size_t got, ReadAndCompare(writer_.Room(), expected));
      if (got == 0) break;
      NoteUnseen(slice, expected);
      size_t commit = got;
      if (slice.continued && got % kUnitBytes != 0) {
        // The file was cut within a page; what follows it must begin on a unit, and the unit's
        // fingerprint is that of all its bytes.
        commit = UnitsOf(got) * kUnitBytes;
        std::memset(writer_.Room().data() + got, 0, commit - got);
        same_.back() = {};
      }
      RETURN_IF_ERROR(writer_.Commit(commit, same_));
      result.bytes += commit;
      tools_.progress.Add(got);
    }
    return slice.continued ? FillWithZeros(slice.length, result.bytes) : Status();
  }

  // A truncated file whose later part was read by somebody else keeps that part's place.
  Status FillWithZeros(uint64_t wanted, uint64_t have) {
    uint64_t units = wanted / kUnitBytes - UnitsOf(have);
    while (units > 0) {
      std::span<uint8_t> room = writer_.Room();
      uint64_t now = std::min<uint64_t>(units, room.size() / kUnitBytes);
      std::memset(room.data(), 0, now * kUnitBytes);
      RETURN_IF_ERROR(writer_.Commit(now * kUnitBytes));
      units -= now;
    }
    return {};
  }

  // Only what lies in packs to be emptied is read; all else is as it was.
  Status EmptySlice(const sources::Slice& slice, const Known& known) {
    RETURN_IF_ERROR(reader_.Open(tools_.listing.files[slice.file], slice));
    const size_t count = known.units.size();
    auto to_empty = [&](size_t i) {
      const KnownUnit& unit = known.units[i];
      return unit.leaf->VerdictOf(unit.unit()) == PackVerdict::kToEmpty;
    };
    for (size_t i = 0; i < count;) {
      size_t end = i;
      while (end < count && to_empty(end) == to_empty(i)) ++end;
      if (!to_empty(i)) {
        for (size_t unit = i; unit < end; ++unit) writer_.Keep(known.units[unit]);
        reader_.Skip((end - i) * kUnitBytes);
      } else {
        end = std::min(end, i + writer_.Room().size() / kUnitBytes);
        const uint64_t length = std::min(end * kUnitBytes, slice.length) - i * kUnitBytes;
        RETURN_IF_ERROR(StoreAfresh(slice, length, std::span(known.units).subspan(i, end - i)));
      }
      i = end;
    }
    return {};
  }

  // The next `length` bytes of the slice.
  Status StoreAfresh(const sources::Slice& slice, uint64_t length,
                     std::span<const KnownUnit> known) {
    if (copier_.stop_) return Stopped();
    ASSIGN_OR_RETURN(size_t got, ReadAndCompare(writer_.Room().first(length), known));
    NoteUnseen(slice, known);
    // The file became shorter meanwhile, and WAL says so too: the rest is as it was. A unit that
    // was cut has less bytes than its place in the stream.
    if (got < length) got -= got % kUnitBytes;
    same_.resize(UnitsOf(got));
    RETURN_IF_ERROR(writer_.Commit(got, same_));
    for (size_t unit = same_.size(); unit < known.size(); ++unit) writer_.Keep(known[unit]);
    return {};
  }

  LeafCopier& copier_;
  const CopyTools& tools_;
  repository::UnitWriter writer_;
  sources::PageReader reader_;
  repository::BlobReader blobs_;
  crypto::PageFingerprint fingerprint_;
  std::deque<std::pair<uint32_t, std::shared_ptr<const KnownLeaf>>> loaded_;
  std::vector<KnownUnit> same_;  // of the last read
  const KnownUnit nothing_;
};

Status LeafCopier::Run() {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < tools_.threads; ++i) threads.emplace_back([this] { Work(); });
  WatchOver();
  for (std::thread& thread : threads) thread.join();
  return failure_;
}

void LeafCopier::Work() {
  Worker worker(*this);
  Status status = worker.Run();
  std::lock_guard lock(mutex_);
  counts_.Add(worker.counts());
  if (!status.ok() && failure_.ok()) failure_ = status;
  if (!status.ok()) stop_ = true;
  ++finished_;
  ended_.notify_all();
}

void LeafCopier::TakeStored(uint32_t leaf, const repository::StoredLeaf& stored) {
  LeafResult& result = results_[leaf];
  if (stored.unchanged) {
    result.form = LeafResult::Form::kCarried;
  } else {
    result.form = LeafResult::Form::kStored;
    result.stored = ToNewLeaf(stored, tools_.previous);
  }
  if (tools_.checkpoints != nullptr) tools_.checkpoints->Add(ForCheckpoints(), leaf);
}

Status LeafCopier::WriteCheckpoint() {
  if (tools_.checkpoints == nullptr || !tools_.checkpoints->IsDue(tools_.uploader)) return {};
  return tools_.checkpoints->Write(ForCheckpoints(), tools_.uploader, tools_.metadata);
}

void LeafCopier::WatchOver() {
  std::unique_lock lock(mutex_);
  auto next_call = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (finished_ < tools_.threads) {
    ended_.wait_for(lock, std::chrono::milliseconds(100));
    lock.unlock();
    tools_.progress.Show();
    Status status = stop_ ? Status() : WriteCheckpoint();
    if (status.ok() && !stop_ && std::chrono::steady_clock::now() >= next_call) {
      status = tools_.while_copying();
      next_call = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    }
    lock.lock();
    if (!status.ok()) {
      if (failure_.ok()) failure_ = status;
      stop_ = true;
    }
  }
}

}  // namespace pgcairn::commands
