// How a table is cut into parts that are copied beside each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sources/logical/table_list.h"

namespace pgcairn::sources {

// A table that is not read in one scan has parts: runs of blocks of 64 MiB, so that all workers
// have something to do until the end. Fixed, so that the next backup compares each part with the
// same blocks. Of a key it is a range as wide as a power of two, which holds up to twice as many
// rows.
inline constexpr uint64_t kBlocksPerPart = 8'192;

struct TablePart {
  uint32_t table_oid = 0;
  uint32_t number = 0;
  std::string table_name;  // "schema"."table"
  std::string condition;   // "WHERE ...", or empty: which of its rows
  // COPY ... TO STDOUT of them, in text.
  std::string copy_sql;
};

// At least one. Together they are the rows of the table that `condition` lets through, each once,
// whatever the table grew to since it was listed: the last part has no end.
std::vector<TablePart> PartsOf(const TableToCopy& table);

// Its parts are several, and ranges of its key.
bool IsReadByKey(const TableToCopy& table);

}  // namespace pgcairn::sources
