// Fetches and opens blobs by their references (docs/format.md, sections 3 and 6).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "repository/cluster_access.h"
#include "repository/header.h"
#include "repository/pack/pack_reference.h"
#include "repository/seal/codec.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// Not for two threads at once; one per thread over the same ClusterAccess. Keeps the memory of its
// largest request, and twice that of its largest blob.
class BlobReader {
 public:
  explicit BlobReader(const ClusterAccess& cluster) : cluster_(cluster) {}

  // One blob. kDamaged: bytes are not what was sealed. kNotFound: the pack is missing.
  Result<Bytes> Read(ObjectKind kind, const PackReference& pack, const BlobLocation& location);

  // `index` counts in `locations`; `raw` is valid during the call only.
  using OnBlob = std::function<Status(size_t index, ByteView raw)>;
  // Many blobs of one pack, given in rising order of offset; one that is given several times in a
  // row is fetched and opened once. Ranges that lie close together are fetched in one request, at
  // most 16 MiB each. Stops at the first error.
  Status ReadMany(ObjectKind kind, const PackReference& pack,
                  const std::vector<BlobLocation>& locations, const OnBlob& on_blob);

 private:
  const ClusterAccess& cluster_;
  Decoder decoder_;
  Bytes stored_;
  Bytes encoded_;
  Bytes raw_;
};

}  // namespace pgcairn::repository
