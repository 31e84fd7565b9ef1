#include "commands/reading_lease.h"

#include <utility>

#include "repository/names.h"
#include "repository/prune/claim.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::commands {

ReadingLease::ReadingLease(storage::Storage& storage, std::string object)
    : storage_(&storage), object_(std::move(object)) {}

ReadingLease::ReadingLease(ReadingLease&& other) noexcept
    : storage_(other.storage_), object_(std::exchange(other.object_, std::string())) {}

ReadingLease::~ReadingLease() {
  if (object_.empty()) return;
  Status removed = storage_->Delete(object_).Context("removing the lease " + object_);
  if (!removed.ok()) LogWarning("{}", removed.error().message);
}

Result<ReadingLease> ReadingLease::Take(const repository::ClusterAccess& cluster,
                                        format::Lease::Kind kind, const std::string& base) {
  repository::LeaseTerms terms;
  terms.kind = kind;
  terms.base_backup_id = base;
  terms.started = Timestamp::Now();
  ASSIGN_OR_RETURN(terms.run_id, repository::NewBackupId(terms.started));
  Result<repository::Claim> claim = repository::WriteLeaseAndClaim(cluster, terms);
  while (!claim.ok() && claim.code() == Code::kAlreadyExists) {
    // Another run of this second has these four digits.
    ASSIGN_OR_RETURN(terms.run_id, repository::NewBackupId(terms.started));
    claim = repository::WriteLeaseAndClaim(cluster, terms);
  }
  if (!claim.ok()) {
    LogDebug("no lease could be written, and a prune may delete what is read: {}",
             claim.error().message);
    // It may be there all the same, and then would keep things from being deleted for a day.
    Status removed = repository::RemoveLease(cluster, terms.run_id);
    if (!removed.ok()) LogDebug("{}", removed.error().message);
    return ReadingLease(cluster.storage, "");
  }
  ReadingLease lease(cluster.storage, cluster.names.Lease(terms.run_id));
  if (base.empty() || claim->base_is_safe) return lease;
  Status there = cluster.storage.Stat(cluster.names.Manifest(base)).status();
  if (!there.ok() && there.code() == Code::kNotFound) {
    return Error{Code::kNotFound, claim->why_not, "`pgcairn list` shows what there is"};
  }
  LogWarning("{} while it is read", claim->why_not);
  return lease;
}

}  // namespace pgcairn::commands
