#include "repository/manifest/manifest_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/lease/tombstone.h"
#include "repository/manifest/reference_list.h"
#include "repository/names.h"
#include "repository/seal/document.h"

namespace pgcairn::repository {
namespace {

constexpr uint64_t kReferenceListBytesMax = uint64_t{1} << 30;
constexpr std::string_view kListSuffix = ".refs";

// False also for what is gone meanwhile or has no header: whoever reads it will say so.
Result<bool> IsTombstone(storage::Storage& storage, const storage::ObjectInfo& object) {
  Bytes start(8);
  if (object.size_bytes > kTombstoneBytesMax || object.size_bytes < start.size()) return false;
  Status read = storage.GetRange(object.name, 0, start);
  if (!read.ok() && read.code() == Code::kNotFound) return false;
  if (!read.ok()) return std::move(read).Context("looking at " + object.name).error();
  return LooksLikeTombstone(start);
}

// What keeps a manifest from being put.
Status ManifestNameTaken(const ClusterAccess& cluster, const std::string& id, Status put) {
  Result<Bytes> there = cluster.storage.Get(cluster.names.Manifest(id), kTombstoneBytesMax);
  if (!there.ok() || !LooksLikeTombstone(*there)) return put;
  ASSIGN_OR_RETURN(format::Tombstone tombstone, ReadTombstone(*there, id));
  return Error{Code::kAlreadyExists,
               fmt::format("writing the manifest of {}: the run was given up on {} by {}, {}", id,
                           Timestamp{tombstone.given_up_at_us()}.ToText(), tombstone.by_host(),
                           tombstone.reason()),
               "run `pgcairn backup` again; prune.lease_expiry says after how long a run of another "
               "host is given up"};
}

}  // namespace

Status CommitBackup(const ClusterAccess& cluster, format::Manifest& manifest,
                    std::vector<StoredPack> packs) {
  const std::string& id = manifest.backup_id();
  SortAndDropRepeated(packs);
  Bytes references = EncodeReferenceList(id, packs);
  uint64_t bytes = 0;
  for (const StoredPack& pack : packs) bytes += pack.length;
  manifest.set_references_sha256(ToString(crypto::Sha256(references).bytes));
  manifest.set_references_length(references.size());
  manifest.set_pack_count(packs.size());
  manifest.set_pack_bytes(bytes);
  RETURN_IF_ERROR(cluster.storage.PutIfAbsent(cluster.names.References(id), references)
                      .Context("writing the reference list of " + id));
  ASSIGN_OR_RETURN(Bytes object, SealDocument(ObjectKind::kManifest, cluster.keys.Current(),
                                              cluster.place, manifest.SerializeAsString()));
  Status put = cluster.storage.PutIfAbsent(cluster.names.Manifest(id), object)
                   .Context("writing the manifest of " + id);
  if (!put.ok() && put.code() == Code::kAlreadyExists) {
    return ManifestNameTaken(cluster, id, std::move(put));
  }
  return put;
}

Result<StoredManifest> ReadManifest(const ClusterAccess& cluster, const std::string& backup_id) {
  std::string name = cluster.names.Manifest(backup_id);
  Result<Bytes> object = cluster.storage.Get(name, kSealedDocumentBytesMax);
  if (!object.ok()) return std::move(object).Context("reading the manifest " + name).error();
  if (LooksLikeTombstone(*object)) {
    ASSIGN_OR_RETURN(format::Tombstone tombstone, ReadTombstone(*object, backup_id));
    return GivenUpError(tombstone);
  }
  Result<std::string> message =
      OpenDocument(ObjectKind::kManifest, *object, cluster.place, cluster.keys.Lookup());
  if (!message.ok()) return std::move(message).Context("opening the manifest " + name).error();
  StoredManifest stored;
  if (!stored.manifest.ParseFromString(*message) || stored.manifest.backup_id() != backup_id) {
    return Error{Code::kDamaged, fmt::format("{} is not the manifest of that backup", name), ""};
  }
  stored.sha256 = crypto::Sha256(*object);
  return stored;
}

Result<std::vector<std::string>> ListBackupIds(const ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(BackupNames names, ListBackups(cluster.storage, cluster.names));
  return std::move(names.ids);
}

Result<BackupNames> ListBackups(storage::Storage& storage, const ClusterNames& names) {
  const std::string directory = names.Backups();
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List(directory));
  BackupNames found;
  for (const storage::ObjectInfo& object : listing.objects) {
    std::string id = object.name.substr(directory.size() + 1);
    const bool is_list = id.ends_with(kListSuffix);
    if (is_list) id.resize(id.size() - kListSuffix.size());
    if (!IsBackupId(id)) {
      found.unknown.push_back(object.name);
    } else if (is_list) {
      found.lists.push_back(std::move(id));
    } else {
      ASSIGN_OR_RETURN(bool given_up, IsTombstone(storage, object));
      (given_up ? found.tombstones : found.ids).push_back(std::move(id));
    }
  }
  for (std::string& below : listing.directories) found.unknown.push_back(std::move(below));
  return found;
}

Result<std::string> ResolveBackupId(const std::vector<std::string>& ids, std::string_view text) {
  if (ids.empty()) {
    return Error{Code::kNotFound, "there is no backup yet", "run `pgcairn backup`"};
  }
  if (text == "latest") return ids.back();
  if (std::find(ids.begin(), ids.end(), text) != ids.end()) return std::string(text);
  std::optional<std::string> prefix = BackupIdPrefix(text);
  if (!prefix) {
    return Error{Code::kUsage, fmt::format("\"{}\" is not the id of a backup", text),
                 "`pgcairn list` shows the ids"};
  }
  std::vector<std::string> fitting;
  if (!IsBackupId(text)) {
    for (const std::string& id : ids) {
      if (id.starts_with(*prefix)) fitting.push_back(id);
    }
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) {
    return Error{Code::kNotFound, fmt::format("there is no backup {}", text),
                 fmt::format("the newest is {}; `pgcairn list` shows all", ids.back())};
  }
  return Error{Code::kUsage, fmt::format("\"{}\" fits {} backups", text, fitting.size()),
               fmt::format("write the whole id, such as {}", fitting.front())};
}

Result<std::vector<StoredPack>> ReadReferences(const ClusterAccess& cluster,
                                               const format::Manifest& manifest) {
  std::string name = cluster.names.References(manifest.backup_id());
  if (manifest.references_length() > kReferenceListBytesMax) {
    return Error{Code::kDamaged, fmt::format("{} has an impossible length", name), ""};
  }
  Result<Bytes> text = cluster.storage.Get(name, manifest.references_length());
  if (!text.ok()) return std::move(text).Context("reading " + name).error();
  if (ToString(crypto::Sha256(*text).bytes) != manifest.references_sha256()) {
    return Error{Code::kDamaged, fmt::format("the SHA-256 of {} does not fit", name), ""};
  }
  return DecodeReferenceList(manifest.backup_id(), *text);
}

}  // namespace pgcairn::repository
