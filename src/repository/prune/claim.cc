#include "repository/prune/claim.h"

#include <fmt/format.h>

#include <utility>

namespace pgcairn::repository {

Result<Claim> WriteLeaseAndClaim(const ClusterAccess& cluster, const LeaseTerms& terms) {
  RETURN_IF_ERROR(WriteLease(cluster, terms));
  Claim claim;
  const std::string& base = terms.base_backup_id;
  Result<TrashedObjects> trashed = ReadTrash(cluster);
  if (!trashed.ok()) {
    claim.why_not = "what a prune means to delete cannot be read: " + trashed.error().message;
    return claim;
  }
  claim.trash_was_read = true;
  claim.trashed = *std::move(trashed);
  if (base.empty()) return claim;
  if (claim.trashed.HasBackup(base)) {
    claim.why_not = fmt::format("a prune means to delete the backup {}", base);
    return claim;
  }
  Result<storage::ObjectInfo> manifest = cluster.storage.Stat(cluster.names.Manifest(base));
  if (!manifest.ok() && manifest.code() != Code::kNotFound) return manifest.error();
  claim.base_is_safe = manifest.ok();
  if (!claim.base_is_safe) claim.why_not = fmt::format("the backup {} was deleted", base);
  return claim;
}

}  // namespace pgcairn::repository
