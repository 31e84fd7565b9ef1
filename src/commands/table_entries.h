// Which definitions of a dump belong to one table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/logical.pb.h"
#include "sources/logical/schema_restore.h"

namespace pgcairn::commands {

struct TableEntries {
  // Ids of entries, in the dump's order. The table with its columns, defaults, sequences of its
  // own, privileges and comments; nothing when the dump does not have the table.
  std::vector<uint32_t> before_rows;
  // Indexes, constraints, triggers, rules, policies, extended statistics.
  std::vector<uint32_t> after_rows;
  // Each may fail by itself: it needs another table.
  struct ForeignKey {
    std::vector<uint32_t> ids;  // with its comment
    std::string text;           // as the dump lists it
  };
  std::vector<ForeignKey> foreign_keys;
  // What connects the table with others and is not restored with it, in words.
  std::vector<std::string> left_out;
};

TableEntries EntriesOfTable(const std::vector<sources::ArchiveEntry>& archive,
                            const format::LogicalTable& table);

}  // namespace pgcairn::commands
