// The order in which the rows of tables go in where keys between them are there already.
#pragma once

#include <vector>

#include "sources/logical/table_list.h"

namespace pgcairn::sources {

// As they came, but those that refer to others come last, each behind those that it refers to. Of a
// circle one has to come first: it alone refers to tables behind it.
std::vector<TableToCopy> InOrderOfRows(std::vector<TableToCopy> tables);

}  // namespace pgcairn::sources
