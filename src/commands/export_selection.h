// What of a logical backup can be loaded. Definitions that need a table which the backup does not
// have are left out, as a restore leaves them out (definition_plan.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/logical_contents.h"
#include "format/logical.pb.h"
#include "postgres/dump_archive.h"
#include "util/result.h"

namespace pgcairn::commands {

struct ExportSelection {
  format::LogicalCatalog catalog;                // without what nothing is made for
  std::optional<postgres::DumpArchive> archive;  // the definitions that can be made
  std::vector<postgres::ArchiveItem> without;    // those that cannot, in the archive's order
  std::vector<std::string> lines;                // of those, what they are and why
};

// `needs_archive`: else there is one only when something is left out. kDamaged, kNotFound.
// kUnsupported: definitions of a version that is not known.
Result<ExportSelection> SelectForExport(const LogicalContents& contents, bool needs_archive);

// The same, of definitions that were read already.
ExportSelection SelectFrom(const format::LogicalCatalog& catalog, postgres::DumpArchive archive);

}  // namespace pgcairn::commands
