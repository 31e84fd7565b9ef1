#include "commands/extension_rows.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>

namespace pgcairn::commands {

// Rows that refer to nothing refer to nothing that is lacking, so that a circle matters where the
// table that comes first has some.
std::vector<std::string> CirclesOfExtensions(
    const std::vector<const format::LogicalTable*>& tables) {
  std::map<uint32_t, const format::LogicalTable*> behind;
  std::vector<std::string> circles;
  for (auto at = tables.rbegin(); at != tables.rend(); ++at) {
    const format::LogicalTable* table = *at;
    for (uint32_t oid : table->refers_to()) {
      const auto other = behind.find(oid);
      if (other == behind.end() || table->rows() == 0) continue;
      circles.insert(circles.begin(),
                     fmt::format("{}.{} refers to {}.{} and back", table->schema(), table->name(),
                                 other->second->schema(), other->second->name()));
    }
    behind[table->oid()] = table;
  }
  return circles;
}

std::vector<std::string> CirclesOfExtensions(const format::LogicalCatalog& catalog) {
  std::vector<const format::LogicalTable*> tables;
  for (const format::LogicalTable& table : catalog.tables()) tables.push_back(&table);
  return CirclesOfExtensions(tables);
}

}  // namespace pgcairn::commands
