// Whether the clocks agree that a restore depends on.
//
// PostgreSQL stamps commit records with the server's clock, so recovery targets mean that one;
// backups are named and ordered by this host's; leases and what lies about are aged by the
// storage's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/finding.h"
#include "postgres/connection.h"
#include "repository/cluster_access.h"
#include "storage/storage.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

// Less is what file systems round and networks delay.
inline constexpr int64_t kClockToleranceUs = int64_t{5} * 1'000'000;
// From here on a restore to a time, or what is taken for stale, can be wrong by what matters.
inline constexpr int64_t kClockErrorUs = int64_t{300} * 1'000'000;

// Another clock, read between two readings of this host's.
struct ClockReading {
  std::string whose;  // "the server's clock"
  Timestamp before;
  Timestamp shown;
  Timestamp after;

  // How far it is ahead of this host's at least, in microseconds; negative: behind.
  int64_t AheadUs() const;
};

Result<ClockReading> ReadServerClock(postgres::Connection& connection);
// By the time that the storage gives to a scratch object of storage/probe.h.
Result<ClockReading> ReadStorageClock(storage::Storage& storage);

// Warning above kClockToleranceUs, error above kClockErrorUs.
Finding JudgeClock(const ClockReading& reading);

// Something that was written at `at` cannot lie ahead of `now`: nothing to say when it does not.
// `what` begins the message: "the newest backup ... ended at".
std::optional<Finding> JudgeMoment(const std::string& what, Timestamp at, Timestamp now);

// JudgeMoment of the newest backup and of the newest transaction end that is archived. A manifest
// that cannot be read is passed over; of the WAL, only the last 64 segments are looked at.
Result<std::vector<Finding>> FindWhatLiesAhead(const repository::ClusterAccess& cluster,
                                               Timestamp now);

}  // namespace pgcairn::commands
