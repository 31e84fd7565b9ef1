#include "commands/pack_presence.h"

#include <fmt/format.h>

#include <vector>

#include "repository/manifest/manifest_store.h"
#include "repository/pack/pack_reference.h"

namespace pgcairn::commands {

Status RequirePacks(const repository::ClusterAccess& cluster, const format::Manifest& manifest) {
  ASSIGN_OR_RETURN(std::vector<repository::StoredPack> packs,
                   repository::ReadReferences(cluster, manifest));
  for (const repository::StoredPack& pack : packs) {
    const std::string name = cluster.names.Pack(pack.sha256);
    ASSIGN_OR_RETURN(storage::ObjectInfo stored,
                     cluster.storage.Stat(name).Context(
                         fmt::format("the backup {} needs it", manifest.backup_id())));
    if (stored.size_bytes == pack.length) continue;
    return Error{Code::kDamaged,
                 fmt::format("{} has {} bytes, and the backup {} needs one of {}", name,
                             stored.size_bytes, manifest.backup_id(), pack.length),
                 "`pgcairn verify --all` tells which backups are whole: restore one of those"};
  }
  return {};
}

}  // namespace pgcairn::commands
