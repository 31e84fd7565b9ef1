// Which backups and which archived WAL stay, which may go, and why (docs/configuration.md, "What is
// kept").
//
// A function of facts: nothing is read and no clock is asked, so that everything about it can be
// tested, and `prune --dry-run` says what `prune` would do. Every rule keeps something and none
// removes: what no rule keeps may go.
//
// The caller brings all backups of the cluster. When one manifest cannot be read there is no plan:
// what that backup needs is not known. Backups that are being made have no manifest yet; the WAL
// that they need is never let go: it is newer than what the promised window begins with, or on a
// timeline that has no backup yet. Their packs are the caller's to spare.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "commands/archive.h"
#include "config/settings.h"
#include "postgres/lsn.h"
#include "util/clock.h"

namespace pgcairn::commands {

// A logical backup is judged by the same rules as a physical one, but stands in for none, and none
// for it or for one of another database: each database, its backups of definitions alone, and all
// physical backups together, are a series of their own, whose ages count back from a backup of that
// series. It needs no WAL, and none is kept for it.
struct BackupFacts {
  std::string id;
  std::optional<std::string> database;  // of a logical backup: whose; its log facts are nothing
  // Of a logical backup: it has definitions and no rows, and stands in for none that has.
  bool schema_only = false;
  bool incremental = false;
  bool good = true;       // no bad page, and all that it needs is there as far as is known
  bool verified = false;  // since it was made
  bool pinned = false;
  // What else the caller keeps it for, in words: "its notes cannot be read", "a restore reads it".
  std::vector<std::string> holds;
  postgres::SystemIdentifier system;
  postgres::TimelineId timeline;
  postgres::Lsn start_lsn;
  postgres::Lsn stop_lsn;
  uint64_t wal_segment_bytes = 0;
  Timestamp started_at;
  Timestamp stopped_at;  // the moment whose state it restores; its age is counted from here
};

// What is archived of one PostgreSQL cluster.
struct ArchivedWal {
  postgres::SystemIdentifier system;
  Archive archive;
  // When the newest segment of a timeline was written: the latest of what is known. A timeline that
  // is not in here counts as one that is still written.
  std::map<postgres::TimelineId, Timestamp> newest_at;
};

struct BackupVerdict {
  std::string id;
  bool keep = true;
  // Why it stays: every rule that keeps it. Why it goes: one line. Never empty.
  std::vector<std::string> reasons;
};

// Segments of one timeline by number, the first and the last included.
struct WalRange {
  postgres::SystemIdentifier system;
  postgres::TimelineId timeline;
  uint64_t first = 0;
  uint64_t last = 0;
};

struct WalVerdict {
  WalRange range;
  uint64_t segments = 0;  // archived ones in the range
  bool keep = true;
  std::vector<std::string> reasons;  // as above
};

struct RetentionPlan {
  // Ages of physical backups and of WAL count back from this one, the newest verified good one, or
  // the newest good one when none is verified. Nothing: no physical backup is good, and they stay
  // with all WAL. Those of logical backups count back from one of the same database, chosen alike.
  std::optional<std::string> reference_id;
  std::optional<Timestamp> reference_time;
  // Every moment from here on can be restored after this plan that can be restored now.
  std::optional<Timestamp> window_from;
  std::vector<BackupVerdict> backups;  // one for each, oldest id first
  // By system, timeline and place; every archived segment is in exactly one.
  std::vector<WalVerdict> wal;
  // What the settings say and cannot do, and what the reader should know; a line each.
  std::vector<std::string> remarks;

  // Whether an archived file of `segment` (the segment itself, its .partial, its .backup) may be
  // deleted. False for all that the plan did not see. Timeline history files always stay.
  bool MayGo(postgres::SystemIdentifier system, postgres::WalSegment segment) const;
};

// The order of `backups` and `archives` does not matter; ids and systems are each there once.
RetentionPlan PlanRetention(const std::vector<BackupFacts>& backups,
                            const config::Settings& settings,
                            const std::vector<ArchivedWal>& archives);

}  // namespace pgcairn::commands
