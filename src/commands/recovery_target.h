// How far a restore is to go, as the user said it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "postgres/lsn.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

enum class TargetKind {
  kLatest,     // to the end of the archived WAL
  kTime,       // before the first transaction end past the time
  kLsn,        // after the first record at or past the LSN
  kXid,        // after the transaction's end
  kName,       // after the named point
  kImmediate,  // as soon as the backup is consistent
};

struct RecoveryTarget {
  TargetKind kind = TargetKind::kLatest;
  Timestamp time;
  postgres::Lsn lsn;
  uint32_t xid = 0;
  std::string name;
  // recovery_target_inclusive; counts for time, LSN and xid.
  bool inclusive = true;
  // As the user asks; otherwise pgcairn finds it.
  std::optional<postgres::TimelineId> timeline;

  // "2024-01-01 12:00:00+00", "LSN 0/3000060", "the end of the archived WAL".
  std::string Describe() const;
};

}  // namespace pgcairn::commands
