// What a restore into a database takes from: a logical backup, or a server that shows the moment.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "format/logical.pb.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

// Reads rows from their beginning to their end. Not for two threads at once.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // The next bytes, valid until the next call; none at the end.
  virtual Result<ByteView> Next() = 0;
};

// Any number of threads may read one.
class DatabaseContents {
 public:
  virtual ~DatabaseContents() = default;

  // The number of rows of a table may be known only of those that are asked for. `bytes` is about
  // right where nobody counted them before.
  virtual const format::LogicalCatalog& catalog() const = 0;
  // What it does not hold and why, a line each.
  virtual const std::vector<std::string>& left_out() const = 0;
  // For messages: "the backup".
  virtual std::string Describe() const = 0;

  // The definitions, in pg_dump's custom format, into a new file.
  virtual Status WriteDefinitions(const std::string& path) const = 0;
  // About; 0 when there are no rows.
  virtual Result<uint64_t> BytesOfPart(const format::LogicalTable& table, uint32_t part) const = 0;
  // The text of a COPY. The contents outlive the reader.
  virtual Result<std::unique_ptr<RowReader>> ReadRows(const format::LogicalTable& table,
                                                      uint32_t part) const = 0;
  // The rows of a COPY of their pages: oid, number, bytes.
  virtual Result<std::unique_ptr<RowReader>> ReadLargeObjects(uint32_t part) const = 0;

 protected:
  DatabaseContents() = default;
  DatabaseContents(const DatabaseContents&) = default;
  DatabaseContents(DatabaseContents&&) = default;
  DatabaseContents& operator=(const DatabaseContents&) = default;
  DatabaseContents& operator=(DatabaseContents&&) = default;
};

}  // namespace pgcairn::commands
