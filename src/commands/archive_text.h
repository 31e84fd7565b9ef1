// What a dump's list says of an entry, taken apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sources/logical/schema_restore.h"

namespace pgcairn::commands {

// "INDEX public orders_idx owner". Where names hold spaces, the parts are those that fit names that
// the dump has; a kind that this program does not know has neither schema nor name.
struct EntryText {
  std::string_view kind;    // "FK CONSTRAINT"; "" when it is none of those known
  std::string_view schema;  // "-": none
  std::string_view name;    // with its table's before it, where it has one: "orders total_check"
  std::string_view owner;   // "" for extensions and the like
  // "INDEX public orders_idx".
  std::string_view head;
};

// The names that the dump has itself.
class ArchiveNames {
 public:
  ArchiveNames(const std::vector<sources::ArchiveEntry>& archive, std::vector<std::string> roles);

  // Views of the entry's text.
  EntryText Parse(const sources::ArchiveEntry& entry) const;

 private:
  // At least `head_bytes` stand before it and its space.
  std::string_view OwnerIn(std::string_view text, size_t head_bytes) const;

  std::vector<std::string> roles_;    // the longest first
  std::vector<std::string> schemas_;  // the same
};

}  // namespace pgcairn::commands
