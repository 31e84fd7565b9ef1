// An unbroken stretch of archived WAL, as a recovery reads it.
#pragma once

#include <cstdint>

#include "commands/archive.h"
#include "postgres/lsn.h"
#include "util/bytes.h"
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

// The bytes of that segment of the run; none behind the run's end.
Result<Bytes> FetchOnPath(const Archive& archive, const WalRun& run, uint64_t number);

// The log after a segment, as much of it as the last record that begins there needs.
class FollowingLog {
 public:
  // All three must outlive this.
  FollowingLog(const Archive& archive, const WalRun& run, uint64_t segment)
      : archive_(archive), run_(run), newest_(segment) {}

  // One segment more; false when the run has no further one.
  Result<bool> Extend();
  ByteView bytes() const { return bytes_; }

 private:
  const Archive& archive_;
  const WalRun& run_;
  uint64_t newest_;
  Bytes bytes_;
};

}  // namespace pgcairn::commands
