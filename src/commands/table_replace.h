// Puts the rows of a backup in the place of those that tables have.
#pragma once

#include <string>
#include <vector>

#include "commands/logical_run.h"
#include "format/logical.pb.h"
#include "sources/logical/sequence_values.h"
#include "sources/logical/target_table.h"
#include "util/result.h"

namespace pgcairn::commands {

struct TableToReplace {
  const format::LogicalTable* from = nullptr;
  sources::TargetTable target;
  std::vector<std::string> columns;  // that both have, in the order of the backup
};

// The report gets the columns that only one of them has.
TableToReplace PlanReplacing(const format::LogicalTable& from, sources::TargetTable target,
                             LogicalRestoreReport& report);

// All of them in one transaction: when this fails, none was changed. kFailed: a table took another
// number of rows, or foreign keys would lead nowhere afterwards. Sequences of the tables are
// advanced to where they were in the backup.
Status ReplaceRows(LogicalRun& run, const std::vector<TableToReplace>& tables);

// Of these sequences those that the backup knows, with their values.
std::vector<sources::SequenceValue> InBackup(const format::LogicalCatalog& catalog,
                                             const std::vector<sources::SequenceValue>& sequences);

}  // namespace pgcairn::commands
