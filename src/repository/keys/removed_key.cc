#include "repository/keys/removed_key.h"

#include <utility>

#include "repository/seal/document.h"
#include "util/clock.h"

namespace pgcairn::repository {
namespace {

Result<format::RemovedAccessKey> Read(storage::Storage& storage, const ClusterNames& names,
                                      const std::string& name) {
  ASSIGN_OR_RETURN(Bytes object, storage.Get(name, kPlainDocumentBytesMax));
  return DecodeRemovedKey(names, name, object);
}

}  // namespace

Result<format::RemovedAccessKey> DecodeRemovedKey(const ClusterNames& names,
                                                  const std::string& name, ByteView object) {
  ASSIGN_OR_RETURN(std::string message, DecodePlainDocument(ObjectKind::kRemovedKey, object));
  format::RemovedAccessKey removed;
  if (!removed.ParseFromString(message)) {
    return Error{Code::kDamaged, "its message cannot be read", ""};
  }
  ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(removed.access_key_id()));
  if (names.RemovedKey(id) != name) {
    return Error{Code::kDamaged, "it is of another access key", ""};
  }
  return removed;
}

Status RecordRemoval(storage::Storage& storage, const ClusterNames& names,
                     const format::AccessKeyObject& object) {
  ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(object.access_key_id()));
  format::RemovedAccessKey removed;
  removed.set_kind(object.kind());
  removed.set_cluster_id(object.cluster_id());
  removed.set_access_key_id(object.access_key_id());
  removed.set_label(object.label());
  removed.set_created_at_us(object.created_at_us());
  removed.set_removed_at_us(Timestamp::Now().unix_us);
  Status put = storage.PutIfAbsent(
      names.RemovedKey(id),
      EncodePlainDocument(ObjectKind::kRemovedKey, removed.SerializeAsString()));
  if (!put.ok() && put.code() == Code::kAlreadyExists) return {};
  return put;
}

Result<std::vector<format::RemovedAccessKey>> ListRemovedKeys(storage::Storage& storage,
                                                              const ClusterNames& names) {
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List(names.RemovedKeys()));
  std::vector<format::RemovedAccessKey> keys;
  for (const storage::ObjectInfo& object : listing.objects) {
    Result<format::RemovedAccessKey> removed = Read(storage, names, object.name);
    if (removed.ok()) keys.push_back(std::move(*removed));
  }
  return keys;
}

std::optional<format::RemovedAccessKey> FindRemovedKey(storage::Storage& storage,
                                                       const ClusterNames& names,
                                                       const AccessKeyId& id) {
  Result<format::RemovedAccessKey> removed = Read(storage, names, names.RemovedKey(id));
  if (!removed.ok()) return std::nullopt;
  return std::move(*removed);
}

}  // namespace pgcairn::repository
