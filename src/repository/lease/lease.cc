#include "repository/lease/lease.h"

#include <fmt/format.h>

#include <utility>

#include "repository/names.h"
#include "repository/seal/document.h"

namespace pgcairn::repository {
namespace {

Result<format::Lease> OpenLease(const ClusterAccess& cluster, const std::string& name,
                                ByteView object) {
  Result<std::string> message =
      OpenDocument(ObjectKind::kLease, object, cluster.place, cluster.keys.Lookup());
  if (!message.ok()) return std::move(message).Context("opening the lease " + name).error();
  format::Lease lease;
  if (!lease.ParseFromString(*message) || !IsBackupId(lease.backup_id()) ||
      cluster.names.Lease(lease.backup_id()) != name) {
    return Error{Code::kDamaged, fmt::format("{} is not the lease of that run", name),
                 "pgcairn did not put it there, or it is damaged: remove it when no run of that "
                 "name goes on"};
  }
  return lease;
}

std::string_view NameOfKind(format::Lease::Kind kind) {
  switch (kind) {
    case format::Lease::RESTORE:
      return "restore";
    case format::Lease::VERIFY:
      return "verification";
    case format::Lease::PRUNE:
      return "prune";
    default:
      return "backup";
  }
}

}  // namespace

Status WriteLease(const ClusterAccess& cluster, const LeaseTerms& terms) {
  format::Lease lease;
  lease.set_backup_id(terms.run_id);
  lease.set_kind(terms.kind);
  lease.set_started_at_us(terms.started.unix_us);
  *lease.mutable_process() = ThisProcess();
  if (!terms.base_backup_id.empty()) lease.set_base_backup_id(terms.base_backup_id);
  if (terms.wal) *lease.mutable_wal() = *terms.wal;
  ASSIGN_OR_RETURN(Bytes object, SealDocument(ObjectKind::kLease, cluster.keys.Current(),
                                              cluster.place, lease.SerializeAsString()));
  return cluster.storage.PutIfAbsent(cluster.names.Lease(terms.run_id), object)
      .Context("writing the lease of " + terms.run_id);
}

Status RemoveLease(const ClusterAccess& cluster, const std::string& run_id) {
  return cluster.storage.Delete(cluster.names.Lease(run_id))
      .Context("removing the lease of " + run_id);
}

Result<std::vector<StoredLease>> ListLeases(const ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(storage::Listing listing, cluster.storage.List(cluster.names.Leases()));
  std::vector<StoredLease> leases;
  for (const storage::ObjectInfo& info : listing.objects) {
    Result<Bytes> object = cluster.storage.Get(info.name, kSealedDocumentBytesMax);
    if (!object.ok() && object.code() == Code::kNotFound) continue;
    if (!object.ok()) return std::move(object).Context("reading the lease " + info.name).error();
    ASSIGN_OR_RETURN(format::Lease lease, OpenLease(cluster, info.name, *object));
    leases.push_back({std::move(lease), info.stored_at});
  }
  return leases;
}

std::string DescribeRun(const format::Lease& lease) {
  return fmt::format("the {} {} (process {} on {}, since {})", NameOfKind(lease.kind()),
                     lease.backup_id(), lease.process().process_id(), lease.process().host(),
                     Timestamp{lease.started_at_us()}.ToText());
}

}  // namespace pgcairn::repository
