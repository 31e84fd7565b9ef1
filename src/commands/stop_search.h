// Finds where in the archived WAL recovery would stop.
#pragma once

#include <cstdint>
#include <optional>

#include "commands/archive.h"
#include "commands/recovery_target.h"
#include "postgres/lsn.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

// A part of the path to a timeline that recovery would read without a gap.
struct WalRun {
  postgres::TimelineId timeline;
  uint64_t first = 0;  // segment numbers
  uint64_t last = 0;
  postgres::Lsn redo_at;        // where recovery begins
  postgres::Lsn consistent_at;  // a stop before it is fatal to the server
};

// The start of the record at which recovery to `target` (time, LSN, xid or name) stops, as
// recoveryStopsBefore and recoveryStopsAfter in PostgreSQL's xlogrecovery.c decide; nothing when
// the run has no such record, or its first one comes before the run is consistent.
Result<std::optional<postgres::Lsn>> FindStop(const Archive& archive, const WalRun& run,
                                              const RecoveryTarget& target);

// The end of the last whole record in the run, and the latest time of a transaction end near it
// (nothing when no transaction ended in the run).
struct RunEnd {
  postgres::Lsn lsn;
  std::optional<Timestamp> last_time;
};
Result<RunEnd> FindRunEnd(const Archive& archive, const WalRun& run);

}  // namespace pgcairn::commands
