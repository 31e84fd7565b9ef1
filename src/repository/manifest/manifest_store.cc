#include "repository/manifest/manifest_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "repository/manifest/reference_list.h"
#include "repository/names.h"
#include "repository/seal/document.h"

namespace pgcairn::repository {
namespace {

constexpr uint64_t kReferenceListBytesMax = uint64_t{1} << 30;

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
  return cluster.storage.PutIfAbsent(cluster.names.Manifest(id), object)
      .Context("writing the manifest of " + id);
}

Result<StoredManifest> ReadManifest(const ClusterAccess& cluster, const std::string& backup_id) {
  std::string name = cluster.names.Manifest(backup_id);
  Result<Bytes> object = cluster.storage.Get(name, kSealedDocumentBytesMax);
  if (!object.ok()) return std::move(object).Context("reading the manifest " + name).error();
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
  std::string directory = cluster.names.Backups();
  ASSIGN_OR_RETURN(storage::Listing listing, cluster.storage.List(directory));
  std::vector<std::string> ids;
  for (const storage::ObjectInfo& object : listing.objects) {
    std::string id = object.name.substr(directory.size() + 1);
    if (IsBackupId(id)) ids.push_back(std::move(id));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
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
