// A logical backup as a folder for pg_restore.
#pragma once

#include <string>

#include "commands/logical_contents.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

// pg_dump's directory format, uncompressed, into `folder`, which is there and empty. What is in the
// files is durable when this returns OK, their names are not. Tables beside each other, by
// `threads`; memory: one leaf of chunks, at most 64 MiB, for each. kDamaged, kNotFound,
// kUnsupported (ReadDumpArchive), kNoSpace, kStorage.
Status WriteArchiveFolder(const LogicalContents& contents, const std::string& folder,
                          size_t threads, Progress& progress);

}  // namespace pgcairn::commands
