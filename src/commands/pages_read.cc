#include "commands/pages_read.h"

#include <algorithm>

namespace pgcairn::commands {

void PagesRead::Add(const postgres::WalBlock& block) {
  if (relations_.contains(block.relation)) return;
  const Range range{block.fork, block.block / kRangeBlocks};
  const size_t place = block.block % kRangeBlocks;
  Ranges& known = replaced_[block.relation];
  auto found = known.find(range);
  if (found != known.end() && found->second[place]) return;
  if (!block.replaced) return Need(block.relation);
  if (found == known.end()) {
    found = known.emplace(range, std::bitset<kRangeBlocks>()).first;
    ++ranges_;
  }
  found->second.set(place);
  if (ranges_ > ranges_max_) NeedLargest();
}

void PagesRead::Need(const postgres::RelationId& relation) {
  relations_.insert(relation);
  auto known = replaced_.find(relation);
  if (known == replaced_.end()) return;
  ranges_ -= known->second.size();
  replaced_.erase(known);
}

void PagesRead::NeedLargest() {
  auto largest = std::ranges::max_element(
      replaced_, {}, [](const auto& relation) { return relation.second.size(); });
  Need(postgres::RelationId(largest->first));
}

}  // namespace pgcairn::commands
