// By what chunks of rows are recognised.
#pragma once

#include "crypto/content_mac.h"
#include "repository/map/chunk_leaf.h"
#include "util/bytes.h"

namespace pgcairn::repository {

// Identity algorithm 3 of docs/format.md, section 7. Not for two threads at once; any number of
// objects may work in parallel.
class ChunkIdentity {
 public:
  // `chunk_key` as the cluster's keys have it; what is derived from it is wiped with the object.
  explicit ChunkIdentity(ByteView chunk_key);

  ChunkId Of(ByteView chunk) { return {mac_.Of(chunk)}; }

 private:
  crypto::ContentMac mac_;
};

}  // namespace pgcairn::repository
