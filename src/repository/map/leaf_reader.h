// Reads map leaves as a stream list refers to them.
#pragma once

#include <cstddef>

#include "repository/map/map_leaf.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "util/result.h"

namespace pgcairn::repository {

// The leaf `index` of a decoded list; one that was stored as a patch is put together with its base.
// kDamaged: the blob, or what it says, or another number of units than the list states. kNotFound:
// its pack is missing.
Result<MapLeaf> ReadLeaf(BlobReader& reader, const StreamList& list, size_t index);
// The same for a leaf that lies at `at` in `pack`.
Result<MapLeaf> ReadLeaf(BlobReader& reader, const PackReference& pack, const TableBlob& at);

}  // namespace pgcairn::repository
