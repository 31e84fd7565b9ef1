// Rows of extensions' configuration tables go where CREATE EXTENSION made keys between them
// already.
#pragma once

#include <string>
#include <vector>

#include "format/logical.pb.h"
#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::commands {

// Which of these tables, in the catalog's order, hold rows and refer to each other in a circle, so
// that no order lets their rows in where keys are watched over: "a.b refers to a.c and back", a
// line each.
std::vector<std::string> CirclesOfExtensions(
    const std::vector<const format::LogicalTable*>& tables);
std::vector<std::string> CirclesOfExtensions(const format::LogicalCatalog& catalog);

// Whether these tables, which are there, can be emptied of what their conditions name in a session
// whose keys are watched over, in the reverse of their order and in one transaction: kRefused where
// that changes rows that a condition leaves out, or rows of yet another table.
Status RequireEmptyingIsAll(postgres::Connection& connection,
                            const std::vector<const format::LogicalTable*>& tables);

}  // namespace pgcairn::commands
