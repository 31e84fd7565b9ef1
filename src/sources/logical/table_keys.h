// Keys by which large tables are read in parts where blocks cannot be.
#pragma once

#include <vector>

#include "postgres/connection.h"
#include "sources/logical/table_list.h"
#include "util/result.h"

namespace pgcairn::sources {

// Servers before 14 find no ctids by range, and each part would read the whole table. For the
// tables of more than one part this sets `key`, where there is a primary key of one integer column
// in whose order the rows lie, as the last ANALYZE saw them: by a key of chance the server would
// read blocks in any order, or again the whole table for each part. In the session's transaction.
Status FindKeys(postgres::Connection& connection, std::vector<TableToCopy>& tables);

// The rows of a table that its condition lets through, found by no index: one may lack some. In the
// session's transaction, whose later statements use none either.
Result<uint64_t> CountWithoutIndexes(postgres::Connection& connection, const TableToCopy& table);

// An index that lacks rows lets a part be short without a word. Of a table whose parts were read by
// `key` this counts the rows without any, in the transaction of a session with the same snapshot
// and the locks. kFailed: they are not `rows`.
Status RequireAllRows(postgres::Connection& connection, const TableToCopy& table, uint64_t rows);

}  // namespace pgcairn::sources
