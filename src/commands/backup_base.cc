#include "commands/backup_base.h"

#include <utility>

#include "commands/newest_backup.h"
#include "repository/manifest/manifest_store.h"
#include "repository/map/stream_list.h"
#include "repository/pack/blob_reader.h"
#include "repository/prune/claim.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

Status LoadLists(const repository::ClusterAccess& cluster, const format::Manifest& manifest,
                 PreviousMap& map) {
  repository::BlobReader reader(cluster);
  for (const format::BlobReference& message : manifest.stream_lists()) {
    ASSIGN_OR_RETURN(repository::BlobReference at, repository::FromMessage(message));
    ASSIGN_OR_RETURN(Bytes raw,
                     reader.Read(repository::ObjectKind::kMetadataPack, at.pack, at.location));
    ASSIGN_OR_RETURN(repository::StreamList list, repository::DecodeStreamList(raw));
    map.AddList(list, crypto::Sha256(raw), at);
  }
  for (const format::BadPage& page : manifest.bad_pages()) {
    map.Forget(repository::StreamRoot::kDataDirectory, page.path());
  }
  return {};
}

bool IsWanted(const format::Manifest& manifest, const BaseWanted& wanted) {
  if (manifest.system_identifier() != wanted.system_identifier ||
      manifest.method() != wanted.method) {
    return false;
  }
  // Without rows there is nothing that new ones could be equal to.
  if (!HoldsRows(manifest)) return false;
  if (wanted.method != format::Manifest::LOGICAL) return true;
  return manifest.databases_size() == 1 && manifest.databases(0).name() == wanted.database;
}

// Nothing when it is not what is wanted.
Result<std::optional<BackupBase>> TryBase(const repository::ClusterAccess& cluster,
                                          const std::string& id, const BaseWanted& wanted) {
  ASSIGN_OR_RETURN(repository::StoredManifest stored, repository::ReadManifest(cluster, id));
  const format::Manifest& manifest = stored.manifest;
  const bool all_bad_pages_named =
      manifest.bad_page_count() == static_cast<uint64_t>(manifest.bad_pages_size());
  if (!IsWanted(manifest, wanted) || !all_bad_pages_named) return std::optional<BackupBase>();
  BackupBase base;
  RETURN_IF_ERROR(LoadLists(cluster, manifest, base.map));
  base.manifest = std::move(stored.manifest);
  return std::optional<BackupBase>(std::move(base));
}

}  // namespace

Result<BackupBase> ClaimBase(const repository::ClusterAccess& cluster, const BaseWanted& wanted,
                             repository::LeaseTerms lease) {
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    lease.base_backup_id = *id;
    ASSIGN_OR_RETURN(repository::Claim claim, repository::WriteLeaseAndClaim(cluster, lease));
    Result<std::optional<BackupBase>> base = std::optional<BackupBase>();
    if (claim.base_is_safe) {
      // Read only now: what was read before could have been deleted since.
      base = TryBase(cluster, *id, wanted);
    } else {
      base = Error{Code::kNotFound, claim.why_not, ""};
    }
    if (base.ok() && *base) {
      (**base).map.MarkLost(claim.trashed.packs());
      return std::move(**base);
    }
    if (!base.ok()) {
      LogWarning("the backup {} cannot serve as the base of an incremental one: {}", *id,
                 base.error().message);
    }
    // Nothing was stored yet: the run may begin anew under its name.
    RETURN_IF_ERROR(repository::RemoveLease(cluster, lease.run_id));
  }
  lease.base_backup_id.clear();
  RETURN_IF_ERROR(repository::WriteLease(cluster, lease));
  return BackupBase();
}

}  // namespace pgcairn::commands
