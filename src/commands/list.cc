#include "commands/list.h"

#include "commands/open_cluster.h"
#include "repository/manifest/manifest_store.h"

namespace pgcairn::commands {

Result<ClusterList> List(const config::Settings& settings) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ClusterList list;
  list.cluster = settings.cluster.name;
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(*opened.cluster));
  for (const std::string& id : ids) {
    Result<repository::StoredManifest> stored = repository::ReadManifest(*opened.cluster, id);
    if (stored.ok()) {
      list.backups.push_back(std::move(stored->manifest));
    } else {
      list.damaged.push_back({id, stored.error().message});
    }
  }
  ASSIGN_OR_RETURN(list.windows, FindRecoveryWindows(*opened.cluster, list.backups));
  return list;
}

Result<format::Manifest> Show(const config::Settings& settings, const std::string& id) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(*opened.cluster));
  ASSIGN_OR_RETURN(std::string resolved, repository::ResolveBackupId(ids, id));
  ASSIGN_OR_RETURN(repository::StoredManifest stored,
                   repository::ReadManifest(*opened.cluster, resolved));
  return std::move(stored.manifest);
}

}  // namespace pgcairn::commands
