#include "repository/lease/lease.h"

#include <unistd.h>

#include "format/keys.pb.h"
#include "repository/seal/document.h"

namespace pgcairn::repository {

Status WriteLease(const ClusterAccess& cluster, const std::string& backup_id, Timestamp started) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  format::Lease lease;
  lease.set_backup_id(backup_id);
  lease.set_host(host);
  lease.set_process_id(static_cast<uint32_t>(::getpid()));
  lease.set_started_at_us(started.unix_us);
  ASSIGN_OR_RETURN(Bytes object, SealDocument(ObjectKind::kLease, cluster.keys.Current(),
                                              cluster.place, lease.SerializeAsString()));
  return cluster.storage.PutIfAbsent(cluster.names.Lease(backup_id), object)
      .Context("writing the lease of " + backup_id);
}

Status RemoveLease(const ClusterAccess& cluster, const std::string& backup_id) {
  return cluster.storage.Delete(cluster.names.Lease(backup_id))
      .Context("removing the lease of " + backup_id);
}

}  // namespace pgcairn::repository
