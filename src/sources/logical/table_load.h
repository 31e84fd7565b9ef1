// Rows of a backup into a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "postgres/connection.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::sources {

// As the server spells the names, without quotes.
struct TableToLoad {
  std::string schema;
  std::string name;
  std::vector<std::string> columns;  // in the order of the rows' fields
};

// `rows` gives the text of a COPY with these columns. Returns how many rows the table took: in one
// statement, so all of them or none.
Result<uint64_t> LoadRows(postgres::Connection& connection, const TableToLoad& table,
                          const postgres::Connection::NextPiece& rows);

// Deletes the rows of the table itself that `condition` ("WHERE ..." or "") covers.
Status DeleteRows(postgres::Connection& connection, const TableToLoad& table,
                  const std::string& condition);

// Leaves fields out of rows as COPY writes them: what the table does not have a column for.
// Not for two threads at once.
class FieldFilter {
 public:
  // For each field of a row, whether it stays; at least one does.
  explicit FieldFilter(std::vector<bool> keep) : keep_(std::move(keep)) {}

  // What is left of the next piece, which need not end with a row; valid until the next call. A row
  // with another number of fields is kDamaged.
  Result<ByteView> Filter(ByteView piece);

 private:
  const std::vector<bool> keep_;
  Bytes kept_;
  size_t field_ = 0;
  bool any_kept_ = false;  // of the row at hand, before the field at hand
};

}  // namespace pgcairn::sources
