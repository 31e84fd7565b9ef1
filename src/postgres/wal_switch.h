// Moving a server's write-ahead log on, and what its archiver says about it.
//
// To have a given point archived: EmitWalMarker, SwitchWal, then wait for the segment that holds
// the marker (SegmentBefore of its LSN).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "postgres/connection.h"
#include "postgres/lsn.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::postgres {

// Writes a record that changes nothing, so that the current segment is not empty and a switch does
// complete it. Returns where the record ends; it is durable only after a switch or a later flush.
// Errors: as Connection::Query; a standby is refused by the server.
Result<Lsn> EmitWalMarker(Connection& connection);

// Completes the current segment, durably. Returns where the log ended in it, at least one byte into
// it. When nothing was written since the last switch, nothing happens and the start of the current
// segment (the end of the one before) comes back. Errors: kPermission with the GRANT line.
Result<Lsn> SwitchWal(Connection& connection);

// Writes a named point that recovery can stop at. Returns its end. Errors: kPermission with the
// GRANT line; the server refuses names of 64 bytes and more.
Result<Lsn> CreateRestorePoint(Connection& connection, const std::string& name);

// The file that the next record goes into; the one before when the log ends exactly between two.
// A standby has none: the server refuses.
Result<std::string> CurrentWalFile(Connection& connection);

// Since the statistics were last reset; a history or backup file counts as WAL here.
struct ArchiverState {
  int64_t archived_count = 0;
  std::string last_archived_wal;  // "" when none
  std::optional<Timestamp> last_archived_time;
  int64_t failed_count = 0;
  std::string last_failed_wal;  // "" when none
  std::optional<Timestamp> last_failed_time;
};
Result<ArchiverState> ReadArchiverState(Connection& connection);

// The hint for a refused function: the GRANT that a superuser has to run.
std::string GrantFunctionHint(const std::string& function, const std::string& role);

}  // namespace pgcairn::postgres
