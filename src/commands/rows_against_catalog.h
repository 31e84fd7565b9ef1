// Holds the rows that a backup of one database has against what its catalog says of them
// (docs/format.md, section 17).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "format/logical.pb.h"
#include "repository/map/stream_list.h"
#include "util/result.h"

namespace pgcairn::commands {

// One thread. Memory: 32 bytes for each stream of rows.
class RowsAgainstCatalog {
 public:
  // Of every list, in any order. False: the stream is not one of rows, and nothing was done.
  bool Add(const repository::StreamEntry& stream);

  // What is wrong whatever the catalog says; empty when nothing is.
  const std::string& problem() const { return problem_; }

  // After the last one. kDamaged: a part of a table or of the large objects is missing, or not
  // known to the catalog, or a table's are of another size than that says; the catalog names a
  // table twice or without parts, or large objects with pages of an impossible size; or problem().
  Status Judge(const format::LogicalCatalog& catalog) const;

 private:
  // Of a table, or of the large objects, whose rows have no table's oid.
  struct Part {
    uint32_t table = 0;
    uint32_t number = 0;
    uint64_t bytes = 0;
  };
  // All parts of one table.
  struct Table {
    uint32_t parts = 0;
    uint64_t bytes = 0;
    bool gapless = true;  // numbered from 0, each once
  };

  std::map<uint32_t, Table> Tables() const;

  std::vector<Part> parts_;
  std::string problem_;  // the first one
};

}  // namespace pgcairn::commands
