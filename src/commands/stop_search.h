// Finds where in the archived WAL recovery would stop.
#pragma once

#include <cstdint>
#include <optional>

#include "commands/archive.h"
#include "commands/recovery_target.h"
#include "commands/wal_run.h"
#include "postgres/lsn.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

// The start of the record at which recovery to `target` (time, LSN, xid or name) stops, as
// recoveryStopsBefore and recoveryStopsAfter in PostgreSQL's xlogrecovery.c decide; nothing when
// the run has no such record, or its first one comes before the run is consistent.
Result<std::optional<postgres::Lsn>> FindStop(const Archive& archive, const WalRun& run,
                                              const RecoveryTarget& target);

// The start of the last whole record in the run; nothing when the run is not consistent before it.
Result<std::optional<postgres::Lsn>> FindLastRecord(const Archive& archive, const WalRun& run);

// The end of the last whole record in the run, and the latest time of a transaction end near it
// (nothing when no transaction ended in the run).
struct RunEnd {
  postgres::Lsn lsn;
  std::optional<Timestamp> last_time;
};
Result<RunEnd> FindRunEnd(const Archive& archive, const WalRun& run);

}  // namespace pgcairn::commands
