// Leases: how runs keep out of each other's way (design: safety rule 3; docs/adr/0007).
//
// A run that uses stored packs takes the steps of repository/prune/claim.h. What it may use: the
// packs of its base, packs that no manifest names, and its own. It removes its lease when it will
// neither write nor read any more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/runs.pb.h"
#include "repository/cluster_access.h"
#include "repository/lease/process_identity.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::repository {

// What a run says of itself.
struct LeaseTerms {
  std::string run_id;  // the backup's id; for other kinds an id of the same form (NewBackupId)
  format::Lease::Kind kind = format::Lease::BACKUP;
  // The backup whose packs it uses. Empty: none, for a backup; all backups, for other kinds.
  std::string base_backup_id;
  Timestamp started;
  // BACKUP: a place that its start LSN will not lie before. Nothing: until it ends, no WAL is
  // deleted.
  std::optional<format::WalNeed> wal;
};

// Durable when it returns OK. kAlreadyExists: another run has that id.
Status WriteLease(const ClusterAccess& cluster, const LeaseTerms& terms);
// The run is over, with or without a manifest. OK also when it is gone already.
Status RemoveLease(const ClusterAccess& cluster, const std::string& run_id);

struct StoredLease {
  format::Lease lease;
  Timestamp stored_at;  // by the storage's clock
};

// All of them, by id. One that goes away meanwhile may be missing: its run has ended. kDamaged,
// kWrongKey, kUnsupported: one cannot be read, or bears a name that no run has.
Result<std::vector<StoredLease>> ListLeases(const ClusterAccess& cluster);

// The process that wrote it has ended: proven, see process_identity.h.
inline bool IsProvenDead(const format::Lease& lease) {
  return LifeOf(lease.process()) == Life::kDead;
}

// "the backup 20240101_020000-00af (process 123 on db1, since 2024-01-01 02:00:00+00)"
std::string DescribeRun(const format::Lease& lease);

}  // namespace pgcairn::repository
