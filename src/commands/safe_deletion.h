// Deletes backups and WAL beside runs that go on, on any host (docs/adr/0007).
//
// Whoever decides what may go is asked twice: before it is announced, and after the grace, with all
// that has changed meanwhile. Only what may go both times, and what no run that goes on and no
// backup that stays needs, is deleted. No clock decides that.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "commands/prune_situation.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

struct Deletable {
  std::vector<std::string> backup_ids;   // rising
  std::vector<std::string> wal_objects;  // whole names, in the order in which they are to go
};
// Both must be in the situation.
using Decide = std::function<Result<Deletable>(const Situation&)>;

struct DeletionOptions {
  bool dry_run = false;  // changes nothing, and says what would go now
  int64_t expiry_s = 0;  // of leases of other hosts
  // Backups that may go although their manifest or reference list cannot be read.
  std::vector<std::string> named;
  std::function<void()> wait_grace = [] {};
};

struct DeletionOutcome {
  std::string prune_id;                // empty for a dry run
  std::vector<std::string> backups;    // that were deleted
  std::vector<std::string> wal_files;  // whole names
  uint64_t wal_bytes = 0;
  uint64_t packs = 0;  // that only those backups needed
  uint64_t pack_bytes = 0;
  uint64_t orphan_packs = 0;  // that no backup needed before
  uint64_t orphan_bytes = 0;
  uint64_t orphans_left = 0;  // because a backup goes on
  // Backups and WAL files that were to go and stay, with why.
  std::map<std::string, std::vector<std::string>> spared_backups;
  uint64_t spared_wal_files = 0;
  std::vector<std::string> given_up;  // runs that cannot commit any more
  std::vector<std::string> remarks;   // for people, a line each
};

// kRefused: another prune goes on; something is not known or cannot be read, so that nothing may be
// deleted; or `decide` refuses. Errors of the storage: some of what was announced may be deleted,
// and what is left is whole: no manifest is left without what it needs. The next call goes on,
// also after a crash.
Result<DeletionOutcome> DeleteSafely(const repository::ClusterAccess& cluster, const Decide& decide,
                                     const DeletionOptions& options);

}  // namespace pgcairn::commands
