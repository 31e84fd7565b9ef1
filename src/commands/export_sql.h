// A logical backup as one script for psql.
#pragma once

#include <string>

#include "commands/export_selection.h"
#include "commands/exported_rows.h"
#include "commands/logical_contents.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

// Of what was selected: definitions, rows, large objects, sequences, and what fills materialized
// views, in an order in which nothing is missing. `in_one_transaction`: a script that ends early
// changes nothing, which is for those that psql reads while they are written. kDamaged, kNotFound,
// and errors of `take`.
Status WriteSqlScript(const LogicalContents& contents, const ExportSelection& selection,
                      const std::string& backup_id, bool in_one_transaction, Progress& progress,
                      const TakeBytes& take);

// One of the backup's documents as it is.
Status WriteDocument(const LogicalContents& contents, const std::string& name,
                     const TakeBytes& take);

}  // namespace pgcairn::commands
