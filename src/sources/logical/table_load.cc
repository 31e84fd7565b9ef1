#include "sources/logical/table_load.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/identifier.h"

namespace pgcairn::sources {
namespace {

std::string CopyInto(const TableToLoad& table) {
  const std::string name = postgres::QualifiedName(table.schema, table.name);
  // An empty list in parentheses is no SQL.
  if (table.columns.empty()) return fmt::format("COPY {} FROM STDIN", name);
  std::string columns;
  for (const std::string& column : table.columns) {
    columns += (columns.empty() ? "" : ", ") + postgres::QuoteIdentifier(column);
  }
  return fmt::format("COPY {} ({}) FROM STDIN", name, columns);
}

Error WrongFields() {
  return {Code::kDamaged, "a row has another number of fields than the table has columns", ""};
}

}  // namespace

Result<uint64_t> LoadRows(postgres::Connection& connection, const TableToLoad& table,
                          const postgres::Connection::NextPiece& rows) {
  return connection.CopyIn(CopyInto(table), rows)
      .Context(fmt::format("loading {}.{}", table.schema, table.name));
}

Status DeleteRows(postgres::Connection& connection, const TableToLoad& table,
                  const std::string& condition) {
  return connection
      .Query(fmt::format("DELETE FROM ONLY {} {}",
                         postgres::QualifiedName(table.schema, table.name), condition))
      .status()
      .Context(fmt::format("deleting rows of {}.{}", table.schema, table.name));
}

// COPY writes a tab or a line feed within a field as a backslash and a letter, so that every one in
// the text ends a field ("CopyAttributeOutText" in src/backend/commands/copyto.c).
Result<ByteView> FieldFilter::Filter(ByteView piece) {
  kept_.clear();
  for (uint8_t byte : piece) {
    if (byte == '\t') {
      any_kept_ = any_kept_ || keep_[field_];
      if (++field_ == keep_.size()) return WrongFields();
      if (keep_[field_] && any_kept_) kept_.push_back(byte);
    } else if (byte == '\n') {
      if (field_ + 1 != keep_.size()) return WrongFields();
      kept_.push_back(byte);
      field_ = 0;
      any_kept_ = false;
    } else if (keep_[field_]) {
      kept_.push_back(byte);
    }
  }
  return ByteView(kept_);
}

}  // namespace pgcairn::sources
