// Restores single tables of a logical backup into a database that may hold whatever it likes.
#pragma once

#include <string>

#include "commands/logical_run.h"
#include "format/logical.pb.h"
#include "util/result.h"

namespace pgcairn::commands {

// The tables that the run's options name, to the names that they had. Those that the database does
// not have are made with all that belongs to them; a foreign key that cannot be made is skipped and
// reported. With `replace`, rows of those that it has are replaced, all tables in one transaction,
// without a trigger firing: of columns that both have. Adds to the run's report and refusals.
//
// Errors before anything is changed: kUsage (a name that fits several tables), kNotFound (none).
Status RestoreTables(LogicalRun& run);

// "schema.name", or a name that is unique in the backup. kNotFound, kUsage (it fits several).
Result<const format::LogicalTable*> FindInBackup(const DatabaseContents& contents,
                                                 const std::string& text);

}  // namespace pgcairn::commands
