#include "repository/history_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "repository/seal/document.h"
#include "util/clock.h"

namespace pgcairn::repository {

Result<std::vector<format::ClusterHistory>> ListHistory(const ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(storage::Listing listing, cluster.storage.List(cluster.names.Histories()));
  std::vector<format::ClusterHistory> entries;
  for (const storage::ObjectInfo& object : listing.objects) {
    ASSIGN_OR_RETURN(Bytes bytes, cluster.storage.Get(object.name, kSealedDocumentBytesMax));
    Result<std::string> message =
        OpenDocument(ObjectKind::kHistory, bytes, cluster.place, cluster.keys.Lookup());
    if (!message.ok()) return std::move(message).Context("opening " + object.name).error();
    format::ClusterHistory entry;
    if (!entry.ParseFromString(*message) ||
        cluster.names.History(entry.system_identifier()) != object.name) {
      return Error{Code::kDamaged, fmt::format("{} cannot be read", object.name), ""};
    }
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.sequence() < b.sequence(); });
  return entries;
}

Status RegisterSystem(const ClusterAccess& cluster, uint64_t system_identifier,
                      uint32_t server_version_num, uint64_t wal_segment_size) {
  ASSIGN_OR_RETURN(std::vector<format::ClusterHistory> entries, ListHistory(cluster));
  uint32_t sequence = 1;
  for (const format::ClusterHistory& entry : entries) {
    if (entry.system_identifier() == system_identifier) return {};
    sequence = std::max(sequence, entry.sequence() + 1);
  }
  format::ClusterHistory entry;
  entry.set_sequence(sequence);
  entry.set_system_identifier(system_identifier);
  entry.set_server_version_num(server_version_num);
  entry.set_wal_segment_size(wal_segment_size);
  entry.set_registered_at_us(Timestamp::Now().unix_us);
  ASSIGN_OR_RETURN(Bytes object, SealDocument(ObjectKind::kHistory, cluster.keys.Current(),
                                              cluster.place, entry.SerializeAsString()));
  Status put = cluster.storage.PutIfAbsent(cluster.names.History(system_identifier), object);
  if (!put.ok() && put.code() == Code::kAlreadyExists) return {};
  return put;
}

Result<format::ClusterHistory> RequireSystem(const ClusterAccess& cluster,
                                             uint64_t system_identifier) {
  ASSIGN_OR_RETURN(std::vector<format::ClusterHistory> entries, ListHistory(cluster));
  for (const format::ClusterHistory& entry : entries) {
    if (entry.system_identifier() == system_identifier) return entry;
  }
  std::string known = entries.empty() ? "none" : "";
  for (const format::ClusterHistory& entry : entries) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.system_identifier());
  }
  return Error{Code::kRefused,
               fmt::format("this server's system identifier is {}, the repository's {} knows {}",
                           system_identifier, cluster.names.Root(), known),
               "this is another PostgreSQL cluster: give it its own cluster.name and run "
               "`pgcairn init`; if it took the other's place, as after pg_upgrade, run "
               "`pgcairn init --new-system`"};
}

}  // namespace pgcairn::repository
