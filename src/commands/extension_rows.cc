#include "commands/extension_rows.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "sources/logical/target_table.h"

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

// Of a table that has no condition no row is left when those are emptied that come before it, nor
// does it matter which of its own rows go with others.
Status RequireEmptyingIsAll(postgres::Connection& connection,
                            const std::vector<const format::LogicalTable*>& tables) {
  std::set<std::pair<std::string, std::string>> without_rows;
  for (auto at = tables.rbegin(); at != tables.rend(); ++at) {
    const format::LogicalTable& table = **at;
    if (table.condition().empty()) without_rows.emplace(table.schema(), table.name());
    RETURN_IF_ERROR(sources::RequireDeletingIsAll(
        connection, table.schema(), table.name(),
        fmt::format("emptying {}.{} of an extension", table.schema(), table.name()), without_rows));
  }
  return {};
}

}  // namespace pgcairn::commands
