// Compares what a file holds with the fingerprints of what it should hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crypto/fingerprint.h"
#include "repository/map/map_leaf.h"
#include "repository/map/stream_list.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

// Two pages that differ have the same fingerprint once in 2^64 comparisons, and nobody who does not
// know the cluster's secret can make such a pair.
//
// Memory: 1 MiB. Not for two threads at once.
class DeltaCompare {
 public:
  // `fingerprint` outlives it.
  explicit DeltaCompare(const crypto::PageFingerprint& fingerprint);

  // For each unit of the part, whether the file `fd` holds other bytes at its place. The file has
  // at least the stream's size; a shorter one differs where bytes are missing.
  Result<std::vector<bool>> Differs(int fd, const std::string& path,
                                    const repository::StreamEntry& entry,
                                    const repository::LeafPart& part,
                                    const repository::MapLeaf& leaf);

 private:
  const crypto::PageFingerprint& fingerprint_;
  Bytes buffer_;
};

}  // namespace pgcairn::commands
