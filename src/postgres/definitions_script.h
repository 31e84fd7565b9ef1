// The script of definitions that pg_dump writes, taken apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/dump_archive.h"

namespace pgcairn::postgres {

// Behind the string, the quoted name, the text between dollars or the comment to the end of its
// line that begins at `at`, or `at` when none does. Strings are as standard_conforming_strings has
// them, which is how pg_dump writes.
size_t EndOfQuoted(std::string_view sql, size_t at);

struct DefinitionsScript {
  // Everything that rows need: schemas, types, functions, tables, views.
  std::string_view before_rows;
  // What is better made, or can only be made, when the rows are there: indexes, constraints that
  // rows need not satisfy when they are added, triggers, policies; and grants.
  std::string_view after_rows;
  // Event triggers, which fire at what comes after them; and the script's end.
  std::string_view last;
};

// The three are all of `script`, in this order. By the comments that pg_dump puts above each
// definition (_printTocEntry of src/bin/pg_dump/pg_backup_archiver.c): without any, all comes
// before the rows.
DefinitionsScript SplitDefinitions(std::string_view script);

struct ShortenedScript {
  std::string script;
  std::vector<ArchiveItem> not_found;  // written in another way than in the archive: they stay
};

// Without the definitions of those items of its archive, by the same comments, and without what
// names their owners and access methods (_printTocEntry).
ShortenedScript WithoutDefinitions(std::string_view script, const std::vector<ArchiveItem>& items);

}  // namespace pgcairn::postgres
