// Deletes what no rule of retention keeps (docs/configuration.md, "What is kept").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/retention.h"
#include "config/settings.h"
#include "repository/cluster_access.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct PruneOptions {
  bool dry_run = false;
  // Percent of the backups that may go; nothing: prune.max_share.
  std::optional<int64_t> max_share;
  // Only these go, whatever retention says of them, and no WAL; ids as ResolveBackupId understands
  // them. Empty: what retention lets go.
  std::vector<std::string> backups;
};

struct WalReport {
  WalVerdict verdict;
  std::string first;  // names of segments
  std::string last;
};

struct PruneReport {
  std::string cluster;
  std::string prune_id;  // empty for a dry run
  bool dry_run = false;
  // Ages count back from this backup; nothing: no backup is good.
  std::optional<std::string> reference_id;
  std::optional<Timestamp> reference_time;
  std::optional<Timestamp> window_from;

  // `keep` is what was done, or in a dry run what would be done.
  std::vector<BackupVerdict> backups;
  std::vector<WalReport> wal;

  // Deleted, or in a dry run what would be.
  uint64_t packs = 0;  // that only the backups that go needed
  uint64_t pack_bytes = 0;
  uint64_t orphan_packs = 0;  // that no backup needed
  uint64_t orphan_bytes = 0;
  uint64_t orphans_left = 0;  // because a backup goes on
  uint64_t wal_files = 0;
  uint64_t wal_bytes = 0;
  uint64_t spared_wal_files = 0;  // because a run or a new backup needs them

  std::vector<std::string> given_up;  // runs that had not ended and never will
  std::vector<std::string> refusals;  // dry run: why nothing would be deleted
  std::vector<std::string> remarks;
  double seconds = 0;
};

// When this returns OK, what went is gone and durable, and everything else is as whole as before;
// safe beside backups, restores, verifications and WAL that arrives, on any host, and after a crash
// of itself (docs/adr/0007).
// Errors, with nothing deleted: kRefused (a guard of rule 4: clocks, share, unknown objects, what
// cannot be read; another prune goes on), kNotFound, kUsage (a backup that is named). Others are
// those of the storage: see DeleteSafely.
Result<PruneReport> Prune(const config::Settings& settings, const PruneOptions& options);

// The same for an opened cluster, without waiting for the grace.
Result<PruneReport> PruneCluster(const config::Settings& settings,
                                 const repository::ClusterAccess& cluster,
                                 const PruneOptions& options);

}  // namespace pgcairn::commands
