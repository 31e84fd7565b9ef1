#include "commands/verify_manifest.h"

#include <fmt/format.h>

#include <utility>

#include "commands/pruned.h"
#include "postgres/backup_label.h"
#include "postgres/control_file.h"

namespace pgcairn::commands {
namespace {

Status CheckControlFile(const format::Manifest& manifest) {
  ASSIGN_OR_RETURN(postgres::ControlFile control,
                   postgres::ParseControlFile(AsBytes(manifest.control_file())));
  if (control.system_identifier.value != manifest.system_identifier() ||
      control.wal_segment_size != manifest.wal_segment_size() ||
      control.data_checksums() != manifest.data_checksums()) {
    return Damaged("the pg_control of the backup is another PostgreSQL cluster's");
  }
  return {};
}

Status CheckLabel(const format::Manifest& manifest) {
  ASSIGN_OR_RETURN(postgres::BackupLabel label,
                   postgres::ParseBackupLabel(manifest.backup_label()));
  if (label.start_lsn.value != manifest.start_lsn() ||
      label.timeline.value != manifest.timeline()) {
    return Damaged("the backup_label of the backup names another start than the manifest");
  }
  return {};
}

Status CheckCounts(const format::Manifest& manifest,
                   const std::vector<repository::StoredPack>& references) {
  uint64_t bytes = 0;
  for (const repository::StoredPack& pack : references) bytes += pack.length;
  if (references.size() == manifest.pack_count() && bytes == manifest.pack_bytes()) return {};
  return Damaged(fmt::format("the manifest states {} packs of {} bytes, its list {} of {} bytes",
                             manifest.pack_count(), manifest.pack_bytes(), references.size(),
                             bytes));
}

}  // namespace

void VerifyManifest(const repository::ClusterAccess& cluster, const format::Manifest& manifest,
                    const std::vector<repository::StoredPack>& references, Findings& findings) {
  std::vector<Status> checks;
  if (manifest.method() != format::Manifest::LOGICAL) {
    checks = {CheckControlFile(manifest), CheckLabel(manifest)};
  }
  checks.push_back(CheckCounts(manifest, references));
  for (const Status& status : checks) {
    if (status.ok()) continue;
    findings.Add(cluster.names.Manifest(manifest.backup_id()), status.error(),
                 {manifest.backup_id()});
  }
}

void VerifyPredecessor(const repository::ClusterAccess& cluster, const format::Manifest& manifest,
                       const std::map<std::string, crypto::Sha256Digest>& sha256,
                       const std::set<std::string>& lists, Findings& findings) {
  if (!manifest.has_predecessor()) return;
  const std::string& id = manifest.predecessor().backup_id();
  const std::string object = cluster.names.Manifest(id);
  auto there = sha256.find(id);
  if (there == sha256.end()) {
    // Deleted as a whole, it is no loss; one that is damaged was named before.
    if (!lists.contains(id) || findings.Has(object)) return;
    // A prune that is at work, or was interrupted, has not come to the list yet.
    if (PrunedBackup(cluster, id)) return;
    findings.Add(object,
                 {Code::kNotFound,
                  fmt::format("{} is missing: the backup {} was made after it, and its reference "
                              "list is still there",
                              object, manifest.backup_id()),
                  ""},
                 {id});
    return;
  }
  if (manifest.predecessor().manifest_sha256() == ToString(there->second.view())) return;
  findings.Add(object,
               Damaged(fmt::format("{} is not the manifest that the backup {} was made after",
                                   object, manifest.backup_id())),
               {id});
}

}  // namespace pgcairn::commands
