// "Did you mean": the known name that a mistyped one is nearest to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgcairn::config {

// Steps from one text to the other; a step inserts, removes or replaces one character or swaps two
// neighbours.
size_t EditDistance(std::string_view a, std::string_view b);

struct NearestName {
  std::string name;
  size_t distance = 0;
};

// The first of the nearest; nothing when `known` is empty.
std::optional<NearestName> FindNearest(std::string_view text,
                                       const std::vector<std::string>& known);

}  // namespace pgcairn::config
