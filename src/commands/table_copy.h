// Restores one table of a logical backup under another name, beside the one that is there.
#pragma once

#include <optional>
#include <string>

#include "commands/logical_run.h"
#include "util/result.h"

namespace pgcairn::commands {

// The table that the run's options name, to the name that `as` says: its columns with their types,
// constraints of columns and rows (NOT NULL, CHECK), defaults that need no sequence, generated
// columns, and all its rows. Whatever has a name of its own in the schema, or connects the table
// with others, stays away: indexes, keys, sequences, triggers; and with the policies, the grants.
// The report names each. It belongs to who restores. Adds to the run's report and refusals.
//
// Errors before anything is changed: kUsage, kNotFound, kUnsupported (a table that inherits columns
// or is made of a type), kRefused (something has the name).
Status RestoreTableAs(LogicalRun& run);

// `definition` as pg_dump writes it of a table, "CREATE TABLE public.a (...);" and what follows:
// its first statement, of a table called `name` (SQL). Nothing when it is not as expected.
std::optional<std::string> RenamedDefinition(const std::string& definition,
                                             const std::string& name);

}  // namespace pgcairn::commands
