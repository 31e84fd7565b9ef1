// Turns units into blobs, packs and map leaves.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "crypto/fingerprint.h"
#include "repository/cluster_access.h"
#include "repository/compaction/compaction.h"
#include "repository/map/known_leaf.h"
#include "repository/map/leaf_builder.h"
#include "repository/map/metadata_writer.h"
#include "repository/pack/pack_builder.h"
#include "repository/pack/pack_uploader.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// Raw bytes of a data blob at most.
inline constexpr size_t kBlobBytesTarget = size_t{1024} * 1024;

// A leaf of which everything is known but the name of the pack that it lies in.
struct StoredLeaf {
  // Nothing was stored: the aligned leaf of BeginLeaf is this leaf too, and the rest is empty.
  bool unchanged = false;
  PendingBlob blob;
  std::optional<PackReference> base_pack;
  std::vector<PackBytes> uses;
};

// Stored bytes that all writers of a backup together may spend on emptying packs. It is settled
// before anything is copied: were it to grow with what changes, the first leaves would never get
// any, run after run, and almost every pack would keep some of their units. Any thread.
class CompactionBudget {
 public:
  explicit CompactionBudget(const PacksToEmpty& packs) {
    for (const PackToEmpty& pack : packs.packs) {
      left_[pack.sha256] = static_cast<int64_t>(pack.bytes_max);
      left_in_all_ += static_cast<int64_t>(pack.bytes_max);
    }
  }

  // For `bytes` of a pack that is to be emptied. False when nothing is left for it.
  bool Take(const crypto::Sha256Digest& pack, uint64_t bytes) {
    const auto wanted = static_cast<int64_t>(bytes);
    std::atomic<int64_t>& left = left_.at(pack);
    if (left.fetch_sub(wanted) >= wanted) {
      left_in_all_ -= wanted;
      return true;
    }
    left += wanted;
    return false;
  }
  bool IsSpent() const { return left_in_all_ <= 0; }

 private:
  std::map<crypto::Sha256Digest, std::atomic<int64_t>> left_;
  std::atomic<int64_t> left_in_all_{0};
};

// What one writer did. Units of zeros are stored nowhere.
struct UnitCounts {
  uint64_t written = 0;  // in all leaves, however they came there
  uint64_t read = 0;     // of those, given as bytes
  uint64_t read_bytes = 0;
  uint64_t changed = 0;    // not known, or known to be otherwise; zeros among them
  uint64_t stored = 0;     // of those, not zeros
  uint64_t compacted = 0;  // known, and stored afresh
  uint64_t stored_bytes = 0;
  uint64_t compacted_bytes = 0;  // as stored

  void Add(const UnitCounts& other);
};

// Writes leaves one after the other. Not for two threads at once; a backup has one per thread over
// the same uploader and metadata writer.
//
// Memory: one open pack and two blobs, as much again where packs are emptied, and the leaves of the
// open packs (at most 8 MiB).
class UnitWriter {
 public:
  // Called by the methods below when a leaf is stored or found unchanged. Leaves whose packs are
  // open for longer come later than leaves that began after them.
  using OnLeaf = std::function<void(uint32_t leaf_number, const StoredLeaf& leaf)>;

  // `budget` may be null: then no pack is emptied. It outlives this.
  UnitWriter(const ClusterAccess& cluster, PackUploader& uploader, MetadataWriter& metadata,
             int level, CompactionBudget* budget, OnLeaf on_leaf);

  // `leaf_number` is the caller's name for the leaf that the next units belong to. `aligned`: see
  // LeafBuilder. Every KnownLeaf that is given must live until EndLeaf.
  void BeginLeaf(uint32_t leaf_number, const KnownLeaf* aligned = nullptr);
  // Room for the next units; at least one unit, at most a mebibyte. Valid until Commit.
  std::span<uint8_t> Room();
  // Takes the first `size` bytes of Room(): whole units, and at the end of a stream one shorter.
  // `known` is empty, or has one for each unit: a unit with a leaf is the same as that leaf says
  // (the caller has compared the fingerprints).
  Status Commit(size_t size, std::span<const KnownUnit> known = {});
  // A unit that is not read at all: it is as the leaf says.
  void Keep(const KnownUnit& known);
  // Ends the leaf. One without any unit is dropped: OnLeaf is not called for it.
  Status EndLeaf();
  // Stores what is open, so that every leaf that was ended is in the metadata writer.
  Status Flush();

  const UnitCounts& counts() const { return counts_; }

 private:
  // Blobs on their way into one pack after the other.
  struct Sink {
    std::vector<uint8_t> blob;
    size_t used = 0;
    uint16_t blob_index = 0;  // in the current leaf; only while `used` is not 0
    std::optional<PackBuilder> pack;
    uint32_t serial = 0;  // of `pack`
  };

  Status AddTo(Sink& sink, ByteView unit, uint64_t fingerprint);
  Status FlushBlob(Sink& sink);
  Status ClosePack(Sink& sink);
  Status StoreReadyLeaves();

  const ClusterAccess& cluster_;
  PackUploader& uploader_;
  MetadataWriter& metadata_;
  CompactionBudget* const budget_;
  const OnLeaf on_leaf_;
  Encoder encoder_;
  crypto::PageFingerprint fingerprint_;
  Sink changed_;
  Sink compacted_;
  std::vector<std::optional<PackReference>> packs_;  // by serial; nothing while open
  std::optional<LeafBuilder> current_;
  std::deque<LeafBuilder> waiting_;
  size_t waiting_bytes_ = 0;
  UnitCounts counts_;
};

}  // namespace pgcairn::repository
