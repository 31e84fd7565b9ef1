// Reads map leaves as a stream list refers to them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "repository/map/map_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/result.h"

namespace pgcairn::repository {

// The leaf `index` of a decoded list. kDamaged: the blob, or what it says, or another number of
// units than the list states. kNotFound: its pack is missing.
Result<MapLeaf> ReadLeaf(BlobReader& reader, const StreamList& list, size_t index);

// Several of them, in the order of `indices`, with few requests: leaves that were written together
// lie side by side. Memory: a leaf has 16 bytes for each unit and at most 104 for each blob.
Result<std::vector<MapLeaf>> ReadLeaves(BlobReader& reader, const StreamList& list,
                                        std::span<const size_t> indices);

}  // namespace pgcairn::repository
