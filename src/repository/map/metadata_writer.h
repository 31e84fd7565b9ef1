// Collects map leaves or stream lists into metadata packs.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "repository/cluster_access.h"
#include "repository/pack/pack_builder.h"
#include "repository/pack/pack_reference.h"
#include "repository/pack/pack_uploader.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// A blob in a pack whose name is known only when the pack is closed: `pack` counts the packs of one
// MetadataWriter in order.
using PendingBlob = TableBlob;

// Add may be called from many threads.
class MetadataWriter {
 public:
  MetadataWriter(const ClusterAccess& cluster, PackUploader& uploader);

  Result<PendingBlob> Add(ByteView raw);
  // Closes the pack that is open, so that all that was added so far has a pack with a name. Returns
  // the packs as Finish does; Add may go on.
  Result<std::vector<PackReference>> CloseOpenPack();
  // Closes the last pack. Returns the packs, in the order that PendingBlob::pack counts.
  Result<std::vector<PackReference>> Finish();

 private:
  Status ClosePack();

  const ClusterAccess& cluster_;
  PackUploader& uploader_;
  std::mutex mutex_;
  Encoder encoder_;
  std::optional<PackBuilder> pack_;
  std::vector<PackReference> closed_;
};

}  // namespace pgcairn::repository
