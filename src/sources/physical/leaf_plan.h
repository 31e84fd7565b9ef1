// Cuts the files of a data directory into pieces of work for the backup's threads.
#pragma once

#include <cstdint>
#include <vector>

#include "postgres/data_directory.h"

namespace pgcairn::sources {

// Consecutive bytes of one file, as long as the listing said it is.
struct Slice {
  uint32_t file = 0;  // index in the listing's files
  uint64_t offset = 0;
  uint64_t length = 0;
  // More of the file follows in a later piece: what is missing here must be filled with zeros, so
  // that the later part keeps its place.
  bool continued = false;
};

// What one thread reads in one go: a part of one large file, or several small files.
struct LeafPlan {
  std::vector<Slice> slices;
};

struct LeafShape {
  uint32_t unit_bytes = 0;
  uint32_t units_max = 0;
  // Files of more units get leaves of their own, so that the next backup finds their units at the
  // same places of the same leaf, whatever became of their neighbours.
  uint32_t gathered_units_max = 0;
};

// The files that `wanted` names (rising indexes in `files`), in that order; empty ones are no part
// of it. A file of more than units_max units is cut every units_max; small ones are gathered up to
// that many units.
std::vector<LeafPlan> PlanLeaves(const std::vector<postgres::DataFile>& files,
                                 const std::vector<uint32_t>& wanted, const LeafShape& shape);

}  // namespace pgcairn::sources
