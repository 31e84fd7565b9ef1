// A logical backup as a folder for pg_restore.
#pragma once

#include <string>

#include "commands/export_selection.h"
#include "commands/logical_contents.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

// What was selected, with its archive, in pg_dump's directory format, uncompressed, into `folder`,
// which is there and empty. What is in the files is durable when this returns OK, their names are
// not. Tables beside each other, by `threads`; memory: one leaf of chunks, at most 64 MiB, for
// each. kDamaged, kNotFound, kNoSpace, kStorage.
Status WriteArchiveFolder(const LogicalContents& contents, const ExportSelection& selection,
                          const std::string& folder, size_t threads, Progress& progress);

}  // namespace pgcairn::commands
