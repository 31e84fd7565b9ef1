#include "config/nearest.h"

#include <algorithm>
#include <numeric>

namespace pgcairn::config {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> current(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, current);
  }
  return last[b.size()];
}

std::optional<NearestName> FindNearest(std::string_view text,
                                       const std::vector<std::string>& known) {
  std::optional<NearestName> nearest;
  for (const std::string& name : known) {
    size_t distance = EditDistance(text, name);
    if (!nearest || distance < nearest->distance) nearest = NearestName{name, distance};
  }
  return nearest;
}

}  // namespace pgcairn::config
