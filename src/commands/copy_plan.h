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
  // Changed files come first: what they store is the measure of what may be stored to empty packs.
  std::vector<PlannedLeaf> leaves;
  std::vector<bool> carried;           // by file: not read, but for units in packs to be emptied
  std::vector<bool> claims_unchanged;  // by file: its stamps say so
  CompareReason reason = CompareReason::kNone;
  std::string reason_detail;
  uint64_t carried_bytes = 0;
};

CopyPlan PlanCopy(const postgres::DataDirectoryListing& listing, const PreviousMap& previous,
                  const CompareRules& rules);

}  // namespace pgcairn::commands
