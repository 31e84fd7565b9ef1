// Turns units into blobs, packs and map leaves.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "crypto/fingerprint.h"
#include "repository/cluster_access.h"
#include "repository/map/map_leaf.h"
#include "repository/map/metadata_writer.h"
#include "repository/pack/pack_builder.h"
#include "repository/pack/pack_uploader.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// Raw bytes of a data blob at most.
inline constexpr size_t kBlobBytesTarget = size_t{1024} * 1024;

// A leaf whose last pack is still open.
struct OpenLeaf {
  uint32_t number = 0;
  MapLeaf leaf;
  std::vector<uint32_t> pack_serials;  // of leaf.packs, as the writer counts its packs
};

// Writes leaves one after the other. Not for two threads at once; a backup has one per thread over
// the same uploader and metadata writer.
//
// Memory: one open pack, one blob, and the leaves of the open pack (at most 64, 64 KiB each).
class UnitWriter {
 public:
  // Called by the methods below when a leaf is stored, in the order of BeginLeaf.
  using OnLeaf = std::function<void(uint32_t leaf_number, const PendingBlob& leaf)>;

  UnitWriter(const ClusterAccess& cluster, PackUploader& uploader, MetadataWriter& metadata,
             int level, OnLeaf on_leaf);

  // `leaf_number` is the caller's name for the leaf that the next units belong to.
  Status BeginLeaf(uint32_t leaf_number);
  // Room for the next units; at least one unit, at most one blob. Valid until Commit.
  std::span<uint8_t> Room();
  // Takes the first `size` bytes of Room(): whole units, and at the end of a stream one shorter.
  Status Commit(size_t size);
  // Ends the leaf. One without any unit is dropped: OnLeaf is not called for it.
  Status EndLeaf();
  // Stores what is open. No call may follow.
  Status Finish();

  uint64_t units_written() const { return units_; }

 private:
  Status FlushBlob();
  Status ClosePack();
  Status StoreReadyLeaves();
  uint32_t PackIndexInLeaf();

  const ClusterAccess& cluster_;
  PackUploader& uploader_;
  MetadataWriter& metadata_;
  const OnLeaf on_leaf_;
  Encoder encoder_;
  crypto::PageFingerprint fingerprint_;
  std::vector<uint8_t> blob_;
  size_t blob_used_ = 0;
  std::optional<PackBuilder> pack_;
  std::vector<PackReference> closed_packs_;
  std::optional<OpenLeaf> current_;
  std::deque<OpenLeaf> waiting_;
  uint64_t units_ = 0;
};

}  // namespace pgcairn::repository
