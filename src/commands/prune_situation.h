// What a prune decides by, as it is at one moment: which backups there are, which runs go on, and
// what other prunes mean to delete.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "commands/prune_inventory.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/lease/lease.h"
#include "repository/prune/trash.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

// Runs by what their leases say and what is known of their processes. A run that lives on this host
// is not given up however old its lease is; expiry, by the storage's clock, is for others'.
struct Runs {
  std::vector<repository::StoredLease> live;
  // Dead, or without a sign of life for longer than the expiry: neither its lease nor a checkpoint
  // is younger.
  std::vector<repository::StoredLease> over;
  // Backups that are over, or have no lease any more, and can be gone on from: their checkpoints
  // are younger than the expiry.
  std::vector<std::string> resumable;
  // Others that left checkpoints.
  std::vector<std::string> left_checkpoints;

  // No pack may be called nobody's then: they write packs that nothing refers to yet.
  bool BackupsGoOn() const;
  bool IsLive(const std::string& run_id) const;
  bool IsResumable(const std::string& run_id) const;
  // The first run that reads all backups; null: none.
  const repository::StoredLease* ReaderOfAll() const;
  // The bases of live runs, and the runs in words.
  std::map<std::string, std::vector<std::string>> Bases() const;
};

// `own_id`: a lease to leave out. `now` by the storage's clock.
Runs JudgeRuns(std::vector<repository::StoredLease> leases, const Inventory& inventory,
               const std::string& own_id, Timestamp now, int64_t expiry_s);

struct Situation {
  Inventory inventory;
  // Of all backups that can be read, without what only a restore needs.
  std::map<std::string, format::Manifest> backups;
  std::map<std::string, Error> unreadable;
  Runs runs;
  // Of prunes that may go on at any time, and of those that are proven dead.
  std::vector<repository::StoredTrash> others_trash;
  std::vector<std::string> dead_trash;
  // Backups that another prune may delete at any time: they must be counted on no more.
  std::set<std::string> as_good_as_gone;
  Timestamp now;  // by the storage's clock
};

struct SituationOptions {
  std::string own_id;  // of the prune that asks
  Timestamp now;       // by the storage's clock
  int64_t expiry_s = 0;
  // Puts a tombstone for each backup that is over and not resumable, so that it cannot commit after
  // the backups were read.
  bool give_up = false;
};

// Leases first, then the trash of others, then tombstones, then backups: what a run has committed
// when its lease is gone is seen, and what was not seen cannot come. Errors: as TakeInventory,
// ListLeases, ListTrash and GiveUp.
Result<Situation> ReadSituation(const repository::ClusterAccess& cluster,
                                const SituationOptions& options);

// kRefused when a manifest in it cannot be read, but for those in `named`.
Status RequireReadable(const Situation& situation, const std::vector<std::string>& named);

}  // namespace pgcairn::commands
