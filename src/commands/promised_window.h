// What must stay so that every moment of the promised recovery window can be restored.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "commands/retention.h"
#include "postgres/lsn.h"
#include "util/clock.h"

namespace pgcairn::commands {

// A backup that recovery begins with, and where it can lead: the WAL from its first segment on, to
// the end of the archive, of all these timelines.
struct WindowBase {
  const BackupFacts* backup = nullptr;
  std::set<postgres::TimelineId> timelines;
};

struct PromisedWindow {
  std::vector<WindowBase> bases;  // in rising order of ids
  // No backup leads to them yet, but they are still written, or nobody knows that they are not.
  std::set<postgres::TimelineId> without_backup;
};

// Of one PostgreSQL cluster; `backups` are all of its. On every timeline that was written after
// `from`, and on each run of WAL without a gap, every moment since `from` that a good backup leads
// to is still led to by the bases. `always`: timelines that count as written to this day.
PromisedWindow FindPromisedWindow(const std::vector<const BackupFacts*>& backups,
                                  const ArchivedWal& wal, Timestamp from,
                                  const std::set<postgres::TimelineId>& always);

// Whether the WAL from start to stop is archived on the backup's own timeline.
bool HasOwnWal(const BackupFacts& backup, const Archive& archive);

// The segments that a backup needs to become consistent.
WalRange OwnWal(const BackupFacts& backup);

}  // namespace pgcairn::commands
