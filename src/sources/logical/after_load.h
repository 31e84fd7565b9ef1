// What a database needs when its rows and definitions are there.
#pragma once

#include <string>
#include <vector>

#include "postgres/connection.h"
#include "sources/logical/database_catalog.h"
#include "util/result.h"

namespace pgcairn::sources {

// Fills those of the materialized views that are empty, those first that others read. Errors: the
// server's, of one that cannot be filled; the others are.
Status FillMaterializedViews(postgres::Connection& connection,
                             const std::vector<MaterializedView>& views);

// Statements that together gather the planner's statistics of every table; each can run in a
// session of its own.
Result<std::vector<std::string>> AnalyzeStatements(postgres::Connection& connection);

}  // namespace pgcairn::sources
