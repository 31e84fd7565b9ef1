// Which leaves hold which stream of a new backup.
#pragma once

#include <cstdint>
#include <vector>

#include "commands/copy_plan.h"
#include "commands/previous_map.h"
#include "postgres/data_directory.h"
#include "repository/map/metadata_writer.h"
#include "repository/map/stream_list.h"
#include "repository/map/unit_writer.h"

namespace pgcairn::commands {

// A leaf that this backup stored.
struct NewLeaf {
  repository::PendingBlob blob;              // in a pack of the metadata writer
  uint32_t base_pack = repository::kNoPack;  // number of a metadata pack of the previous map
  std::vector<repository::LeafUse> uses;     // numbers of the pack table
};

// With the numbers that `previous` and its pack table give the packs.
NewLeaf ToNewLeaf(const repository::StoredLeaf& stored, PreviousMap& previous);

// Where the bytes of one slice went.
struct SliceResult {
  uint64_t bytes = 0;  // up to the last unit that was read, before the filling with zero units
  uint16_t first_entry = 0;
  bool vanished = false;
};

struct LeafResult {
  enum class Form : uint8_t {
    kEmpty,  // no units, or the earlier leaves still hold them
    kStored,
    kCarried,  // compared, and the earlier leaf serves as it is
  };
  Form form = Form::kEmpty;
  NewLeaf stored;        // kStored
  uint32_t earlier = 0;  // kCarried: number of a leaf of the previous map
  std::vector<SliceResult> slices;
};

// Either a leaf of the previous map, by its number, or one of this backup.
struct PlacedLeaf {
  const NewLeaf* fresh = nullptr;
  uint32_t earlier = 0;

  friend bool operator==(const PlacedLeaf&, const PlacedLeaf&) = default;
};

// A stream and the leaves that hold it, in order.
struct PlacedStream {
  repository::StreamEntry entry;  // but for its first leaf
  std::vector<PlacedLeaf> leaves;
};

// Directories, then files, both in the listing's order. Puts the slices of each file together
// again; files that vanished before a byte was read are gone. The leaves point into `results`.
std::vector<PlacedStream> PlaceStreams(const postgres::DataDirectoryListing& listing,
                                       const CopyPlan& plan, const std::vector<LeafResult>& results,
                                       const PreviousMap& previous);

}  // namespace pgcairn::commands
