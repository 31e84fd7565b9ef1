#include "sources/physical/leaf_plan.h"

#include <algorithm>
#include <utility>

namespace pgcairn::sources {

std::vector<LeafPlan> PlanLeaves(const std::vector<postgres::DataFile>& files,
                                 const std::vector<uint32_t>& wanted, const LeafShape& shape) {
  const uint64_t leaf_bytes = uint64_t{shape.unit_bytes} * shape.units_max;
  std::vector<LeafPlan> leaves;
  LeafPlan gathered;
  uint64_t gathered_units = 0;
  auto close_gathered = [&] {
    if (!gathered.slices.empty()) leaves.push_back(std::exchange(gathered, {}));
    gathered_units = 0;
  };
  for (uint32_t file : wanted) {
    uint64_t size = files[file].size;
    if (size == 0) continue;
    uint64_t units = (size - 1) / shape.unit_bytes + 1;
    if (units > shape.gathered_units_max) {
      for (uint64_t offset = 0; offset < size; offset += leaf_bytes) {
        uint64_t length = std::min(leaf_bytes, size - offset);
        leaves.push_back({{Slice{file, offset, length, offset + length < size}}});
      }
      continue;
    }
    if (gathered_units + units > shape.units_max) close_gathered();
    gathered.slices.push_back({file, 0, size, false});
    gathered_units += units;
  }
  close_gathered();
  return leaves;
}

}  // namespace pgcairn::sources
