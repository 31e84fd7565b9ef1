// What a backup does with each file: carry it over, compare it, or read it as new; and in which
// pieces of work.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/previous_map.h"
#include "commands/unchanged_files.h"
#include "postgres/data_directory.h"
#include "sources/physical/leaf_plan.h"

namespace pgcairn::commands {

struct PlannedLeaf {
  sources::LeafPlan plan;
  // Files that are carried over, of which only the units in packs to be emptied are read.
  bool only_to_empty = false;
};

struct CopyPlan {
  std::vector<PlannedLeaf> leaves;
  std::vector<bool> carried;           // by file: not read, but for units in packs to be emptied
  std::vector<bool> claims_unchanged;  // by file: its stamps say so
  CompareReason reason = CompareReason::kNone;
  std::string reason_detail;
  uint64_t carried_bytes = 0;
  uint64_t read_bytes = 0;  // of all other files
};

CopyPlan PlanCopy(const postgres::DataDirectoryListing& listing, const PreviousMap& previous,
                  const CompareRules& rules);

// Adds what must be read of the carried files so that the packs that `previous` knows as to be
// emptied can go.
void PlanEmptying(const postgres::DataDirectoryListing& listing, const PreviousMap& previous,
                  CopyPlan& plan);

}  // namespace pgcairn::commands
