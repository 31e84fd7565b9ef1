#include "commands/newest_backup.h"

#include "repository/manifest/manifest_store.h"

namespace pgcairn::commands {

bool HoldsRows(const format::Manifest& manifest) {
  return manifest.type() != format::Manifest::SCHEMA;
}

Result<std::string> ResolveBackupWithRows(const repository::ClusterAccess& cluster,
                                          const std::vector<std::string>& ids,
                                          std::string_view text) {
  ASSIGN_OR_RETURN(std::string newest, repository::ResolveBackupId(ids, text));
  if (text != "latest") return newest;
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    Result<repository::StoredManifest> stored = repository::ReadManifest(cluster, *id);
    // One that cannot be read any more may hold some; what could not be read now is not passed
    // over.
    if (!stored.ok() && stored.code() != Code::kDamaged) return stored.error();
    if (!stored.ok() || HoldsRows(stored->manifest)) return *id;
  }
  return newest;
}

}  // namespace pgcairn::commands
