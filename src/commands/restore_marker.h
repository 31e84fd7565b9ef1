// The note in a directory that a restore works on, so that one that was interrupted is known for
// what it is and can be continued.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "util/file.h"
#include "util/result.h"

namespace pgcairn::commands {

// It is there before the first other file is written or removed, and goes after pg_control came. In
// between no server starts, because pg_control is missing. Left beside a pg_control, by a run that
// ended in that moment, it means nothing. A backup leaves it out (backup_exclusions.h).
struct RestoreMarker {
  uint64_t system_identifier = 0;
  std::string backup_id;
};

// Nothing when there is none. kDamaged: it does not say what a marker says.
Result<std::optional<RestoreMarker>> ReadRestoreMarker(const std::string& data_directory);
// Whether there is one, whatever it says.
bool HasRestoreMarker(const std::string& data_directory);
// Durable when it returns OK.
Status WriteRestoreMarker(const std::string& data_directory, const RestoreMarker& marker);
Status RemoveRestoreMarker(const std::string& data_directory);

// Two restores never write into one directory: the lock lives as long as the descriptor. kRefused:
// another one holds it.
Result<UniqueFd> LockForRestore(const std::string& data_directory);

}  // namespace pgcairn::commands
