#include "commands/extension_rows.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>

namespace pgcairn::commands {

// Rows that refer to nothing refer to nothing that is lacking, so that a circle matters where the
// table that comes first has some.
std::vector<std::string> CirclesOfExtensions(const format::LogicalCatalog& catalog) {
  std::map<uint32_t, const format::LogicalTable*> behind;
  std::vector<std::string> circles;
  for (auto table = catalog.tables().rbegin(); table != catalog.tables().rend(); ++table) {
    for (uint32_t oid : table->refers_to()) {
      const auto other = behind.find(oid);
      if (other == behind.end() || table->rows() == 0) continue;
      circles.insert(circles.begin(),
                     fmt::format("{}.{} refers to {}.{} and back", table->schema(), table->name(),
                                 other->second->schema(), other->second->name()));
    }
    behind[table->oid()] = &*table;
  }
  return circles;
}

}  // namespace pgcairn::commands
