#include "sources/logical/row_order.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

namespace pgcairn::sources {
namespace {

using Tables = std::vector<TableToCopy>;

// Of those that it refers to, the first one that is still waiting itself.
Tables::iterator AwaitedBy(const TableToCopy& table, Tables& waiting) {
  return std::ranges::find_if(waiting, [&](const TableToCopy& other) {
    return other.oid != table.oid && std::ranges::count(table.refers_to, other.oid) > 0;
  });
}

// From one to the next that it waits for: the end of the way, or, where it has none, the first one
// that is met again, which is a part of the circle.
Tables::iterator Next(Tables& waiting) {
  std::set<uint32_t> met;
  auto table = waiting.begin();
  while (met.insert(table->oid).second) {
    const auto awaited = AwaitedBy(*table, waiting);
    if (awaited == waiting.end()) break;
    table = awaited;
  }
  return table;
}

}  // namespace

std::vector<TableToCopy> InOrderOfRows(std::vector<TableToCopy> tables) {
  Tables ordered, waiting;
  for (TableToCopy& table : tables) {
    (table.refers_to.empty() ? ordered : waiting).push_back(std::move(table));
  }
  while (!waiting.empty()) {
    const auto next = Next(waiting);
    ordered.push_back(std::move(*next));
    waiting.erase(next);
  }
  return ordered;
}

}  // namespace pgcairn::sources
