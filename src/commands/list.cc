#include "commands/list.h"

#include "commands/logical_contents.h"
#include "commands/open_cluster.h"
#include "repository/manifest/manifest_store.h"

namespace pgcairn::commands {

BackupRemarks RemarksOn(const format::Manifest& manifest, const repository::BackupNotes& notes) {
  BackupRemarks remarks;
  remarks.pinned = notes.pinned;
  remarks.note = notes.note.value_or(manifest.note());
  if (notes.verified) remarks.verified_at = Timestamp{notes.verified->at_us()};
  if (!notes.unreadable.empty()) remarks.pinned.reset();
  remarks.unreadable = notes.unreadable;
  return remarks;
}

Result<ClusterList> List(const config::Settings& settings) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ClusterList list;
  list.cluster = settings.cluster.name;
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(*opened.cluster));
  ASSIGN_OR_RETURN(auto notes, repository::ReadAllNotes(*opened.cluster));
  for (const std::string& id : ids) {
    Result<repository::StoredManifest> stored = repository::ReadManifest(*opened.cluster, id);
    if (stored.ok()) {
      list.remarks.push_back(RemarksOn(stored->manifest, notes[id]));
      list.backups.push_back(std::move(stored->manifest));
    } else {
      list.damaged.push_back({id, stored.error().message});
    }
  }
  ASSIGN_OR_RETURN(list.windows, FindRecoveryWindows(*opened.cluster, list.backups));
  return list;
}

Result<ShownBackup> Show(const config::Settings& settings, const std::string& id) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(*opened.cluster));
  ASSIGN_OR_RETURN(std::string resolved, repository::ResolveBackupId(ids, id));
  ASSIGN_OR_RETURN(repository::StoredManifest stored,
                   repository::ReadManifest(*opened.cluster, resolved));
  ASSIGN_OR_RETURN(repository::BackupNotes notes, repository::ReadNotes(*opened.cluster, resolved));
  BackupRemarks remarks = RemarksOn(stored.manifest, notes);
  ShownBackup shown{std::move(stored.manifest), std::move(remarks), {}, {}};
  if (shown.manifest.method() != format::Manifest::LOGICAL) return shown;
  // What the manifest says is worth showing even where its packs are damaged.
  Result<LogicalContents> contents = LogicalContents::Open(*opened.cluster, shown.manifest);
  if (contents.ok()) {
    shown.catalog = contents->catalog();
  } else {
    shown.catalog_problem = contents.error().message;
  }
  return shown;
}

}  // namespace pgcairn::commands
