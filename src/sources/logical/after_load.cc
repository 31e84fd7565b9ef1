#include "sources/logical/after_load.h"

#include <set>
#include <utility>

#include "postgres/identifier.h"

namespace pgcairn::sources {
namespace {

Result<std::vector<std::string>> NamesOf(postgres::Connection& connection,
                                         const std::string& condition) {
  ASSIGN_OR_RETURN(
      postgres::Rows rows,
      connection.Query("SELECT n.nspname, c.relname "
                       "FROM pg_catalog.pg_class c "
                       "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                       "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND " +
                       condition + " ORDER BY 1, 2"));
  std::vector<std::string> names;
  for (const postgres::Row& row : rows.rows) {
    names.push_back(postgres::QualifiedName(row[0].value_or(""), row[1].value_or("")));
  }
  return names;
}

}  // namespace

// One that reads an empty one is refused (55000, "has not been populated"), and its turn comes in a
// later round.
Status FillMaterializedViews(postgres::Connection& connection,
                             const std::vector<MaterializedView>& views) {
  std::set<std::string> wanted;
  for (const MaterializedView& view : views) {
    wanted.insert(postgres::QualifiedName(view.schema, view.name));
  }
  for (size_t left = SIZE_MAX;;) {
    ASSIGN_OR_RETURN(std::vector<std::string> empty,
                     NamesOf(connection, "c.relkind = 'm' AND NOT c.relispopulated"));
    std::erase_if(empty, [&](const std::string& name) { return !wanted.contains(name); });
    if (empty.empty()) return {};
    const bool last_round = empty.size() == left;
    left = empty.size();
    for (const std::string& name : empty) {
      Status filled = connection.Query("REFRESH MATERIALIZED VIEW " + name).status();
      if (!filled.ok() && last_round) {
        return std::move(filled).Context("filling the materialized view " + name);
      }
      if (!filled.ok() && filled.code() == Code::kConnection) return filled;
    }
  }
}

// A partitioned table's own statistics are made with those of its partitions.
Result<std::vector<std::string>> AnalyzeStatements(postgres::Connection& connection) {
  ASSIGN_OR_RETURN(std::vector<std::string> names,
                   NamesOf(connection, "c.relkind IN ('r', 'm', 'p') AND NOT c.relispartition"));
  for (std::string& name : names) name.insert(0, "ANALYZE ");
  return names;
}

}  // namespace pgcairn::sources
