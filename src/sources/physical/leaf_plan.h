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

// In the order of `files`, which empty files are no part of. A file of more than `units_max` units
// of `unit_bytes` is cut every units_max; smaller ones are gathered up to that many units.
std::vector<LeafPlan> PlanLeaves(const std::vector<postgres::DataFile>& files, uint32_t unit_bytes,
                                 uint32_t units_max);

}  // namespace pgcairn::sources
