// What kind of database a whole backup is to go into.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "commands/logical_run.h"
#include "sources/logical/schema_restore.h"
#include "sources/logical/target_definitions.h"
#include "util/result.h"

namespace pgcairn::commands {

struct RestorePlace {
  // It has things of others: a service's project in which its user has made nothing yet.
  bool beside_others = false;
  // A restore of this backup was interrupted there after its definitions were made.
  bool goes_on = false;
  // And after all its rows were in: they may have been changed since, and stay.
  bool has_rows = false;
};

// From here to the end of the run's session no other restore goes into the database; kRefused when
// one does. Before anything there is looked at, for the other one would have changed it. Not for a
// dry run.
Status RequireNoOtherRun(LogicalRun& run);

// The run gets a refusal when the database is none that may be restored into: it holds something
// of the role's own, or of a superuser's target anything at all.
Result<RestorePlace> LookAtPlace(LogicalRun& run, const sources::TargetDefinitions& target,
                                 const std::vector<sources::ArchiveEntry>& archive);

// What the comment on the schema kRestoreMarker says while a restore goes on.
std::string RestoreNote(const LogicalRun& run, bool has_rows);

// Of the backup's extensions those that the target cannot have, and why. The run gets a refusal for
// them unless they are to be left out, and warnings where the version is another.
Result<std::map<std::string, std::string>> LookForExtensions(LogicalRun& run);

// A refusal for roles that the run needs, the server lacks and that are not to be made.
void RequireRoles(LogicalRun& run);

}  // namespace pgcairn::commands
