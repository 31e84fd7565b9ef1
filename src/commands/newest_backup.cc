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
    if (stored.ok() && !HoldsRows(stored->manifest)) continue;
    // One that is damaged or was deleted just now may hold some: whoever wants it says so. Of one
    // that could not be read now nothing is known.
    const bool is_lost =
        !stored.ok() && (stored.code() == Code::kDamaged || stored.code() == Code::kNotFound);
    if (stored.ok() || is_lost) return *id;
    return stored.error();
  }
  return newest;
}

}  // namespace pgcairn::commands
