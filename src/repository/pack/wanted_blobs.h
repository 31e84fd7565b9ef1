// Blobs that are wanted from many packs, read with as few requests as their places allow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "repository/header.h"
#include "repository/pack/blob_reader.h"
#include "repository/pack/pack_reference.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// What is wanted is collected first, for as many map leaves or lists as the caller has memory for:
// after many incremental backups a leaf has some units in each of dozens of packs, and only many
// leaves together want enough of each pack for a request to be worth it.
//
// Memory: 32 bytes for each blob that is wanted. Not for two threads at once.
class WantedBlobs {
 public:
  // Returns the pack's number, for Want; the same pack has the same.
  uint32_t Pack(const PackReference& pack);
  // `tag` comes back with the blob's bytes. A blob may be wanted under several tags: it is fetched
  // once. The caller has checked that the place is in the pack, as decoding a leaf or a list does.
  void Want(uint32_t pack, const BlobLocation& at, uint32_t tag);

  // `raw` is valid during the call only.
  using OnBlob = std::function<Status(uint32_t tag, ByteView raw)>;
  // Calls `on_blob` for everything wanted: packs as they were first named, in each by rising
  // offset. Stops at the first error. Nothing is wanted afterwards, whatever it returns.
  Status Read(BlobReader& reader, ObjectKind kind, const OnBlob& on_blob);

 private:
  struct Wanted {
    uint32_t pack = 0;
    BlobLocation at;
    uint32_t tag = 0;
  };
  // Names are hashes already.
  struct PackHash {
    size_t operator()(const PackReference& pack) const {
      return LoadLe<uint64_t>(pack.sha256.bytes.data());
    }
  };

  std::vector<PackReference> packs_;
  std::unordered_map<PackReference, uint32_t, PackHash> numbers_;
  std::vector<Wanted> wanted_;
};

}  // namespace pgcairn::repository
