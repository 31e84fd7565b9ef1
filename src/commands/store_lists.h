// Writes the lists of a backup's streams, and knows from them which packs it needs.
#pragma once

#include <vector>

#include "commands/placed_streams.h"
#include "commands/previous_map.h"
#include "repository/cluster_access.h"
#include "repository/map/metadata_writer.h"
#include "repository/pack/pack_uploader.h"
#include "util/result.h"

namespace pgcairn::commands {

struct StoredLists {
  std::vector<repository::BlobReference> lists;
  // Metadata and data packs that the leaves lie in and need, and those of lists that were stored
  // before; each once. The packs that this call writes are the uploader's to tell.
  std::vector<repository::StoredPack> packs;
};

// `leaf_packs` are those of the metadata writer that NewLeaf::blob counts. A list that an earlier
// backup stored, byte for byte, is not stored again: lists are cut at names and not at numbers, so
// that one new file changes one list.
Result<StoredLists> StoreLists(const repository::ClusterAccess& cluster,
                               repository::PackUploader& uploader,
                               const std::vector<PlacedStream>& streams,
                               const std::vector<repository::PackReference>& leaf_packs,
                               PreviousMap& previous);

}  // namespace pgcairn::commands
