// Reads map leaves as a stream list refers to them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "repository/map/map_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/result.h"

namespace pgcairn::repository {

// What besides its own pack a leaf was read from.
struct LeafOrigin {
  // The pack of the leaf that this one patches; nothing for a whole leaf. Known, and true, also
  // when reading that pack failed.
  std::optional<PackReference> base;
  // The error that ReadLeaf returns is that pack's, not the leaf's own.
  bool base_failed = false;
};

// The leaf `index` of a decoded list; one that was stored as a patch is put together with its base.
// kDamaged: the blob, or what it says, or another number of
// units than the list states. kNotFound: its pack is missing. `origin`, when given, says also
// which pack is to blame.
Result<MapLeaf> ReadLeaf(BlobReader& reader, const StreamList& list, size_t index,
                         LeafOrigin* origin = nullptr);
// The same for a leaf that lies at `at` in `pack`.
Result<MapLeaf> ReadLeaf(BlobReader& reader, const PackReference& pack, const TableBlob& at,
                         LeafOrigin* origin = nullptr);

// Several of them, in the order of `indices`, with few requests: leaves that were written together
// lie side by side. Memory: a leaf has 16 bytes for each unit and at most 104 for each blob.
Result<std::vector<MapLeaf>> ReadLeaves(BlobReader& reader, const StreamList& list,
                                        std::span<const size_t> indices);

}  // namespace pgcairn::repository
