#include "repository/keys/settle_keys.h"

#include <algorithm>
#include <set>
#include <string>

#include "repository/keys/epoch.h"
#include "repository/keys/removed_key.h"
#include "repository/seal/document.h"
#include "repository/stored_twice.h"

namespace pgcairn::repository {
namespace {

// By the headers of all epochs. What cannot be read is left out: a record less.
Result<std::set<std::string>> RootsOnceInForce(storage::Storage& storage,
                                               const ClusterNames& names) {
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List(names.Epochs()));
  std::set<std::string> roots;
  for (const storage::ObjectInfo& object : listing.objects) {
    Result<Bytes> epoch = storage.Get(object.name, kSealedDocumentBytesMax);
    if (!epoch.ok()) continue;
    Result<KeyId> root = RootNamedBy(*epoch);
    if (root.ok()) roots.insert(ToString(root->view()));
  }
  return roots;
}

bool Contains(const std::vector<format::AccessKeyObject>& keys, const std::string& id) {
  return std::ranges::any_of(
      keys, [&](const format::AccessKeyObject& key) { return key.access_key_id() == id; });
}

}  // namespace

Status RetireAccessKeys(storage::Storage& storage, const ClusterNames& names,
                        const std::vector<StoredAccessKey>& retired,
                        const std::vector<format::AccessKeyObject>& in_force) {
  if (retired.empty()) return {};
  ASSIGN_OR_RETURN(std::set<std::string> roots, RootsOnceInForce(storage, names));
  for (const StoredAccessKey& key : retired) {
    if (!key.object.ok() || !roots.contains(key.object->root_id())) continue;
    if (Contains(in_force, key.object->access_key_id())) continue;
    RETURN_IF_ERROR(RecordRemoval(storage, names, *key.object));
  }
  for (const StoredAccessKey& key : retired) {
    RETURN_IF_ERROR(storage.Delete(key.name));
    RETURN_IF_ERROR(storage.Delete(key.name + std::string(kCopySuffix)));
  }
  return {};
}

Status SettleKeys(storage::Storage& storage, const ClusterNames& names, const KeyId& root,
                  uint32_t generation, uint32_t epoch) {
  ASSIGN_OR_RETURN(std::vector<StoredAccessKey> stored, ReadAccessKeys(storage, names));
  const AccessKeys in_force = AccessKeysOf(root, stored);
  for (const format::AccessKeyObject& key : in_force.readable) {
    ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(key.access_key_id()));
    Status complete =
        CompletePair(storage, names.Key(key.generation(), id), kPlainDocumentBytesMax);
    // A run that changed the keys since has retired it, and settles what is in force now.
    if (!complete.ok() && complete.code() == Code::kNotFound) return {};
    RETURN_IF_ERROR(complete);
  }
  RETURN_IF_ERROR(CompletePair(storage, names.Epoch(epoch), kSealedDocumentBytesMax));
  return RetireAccessKeys(storage, names, RetiredAccessKeys(root, generation, stored),
                          in_force.readable);
}

}  // namespace pgcairn::repository
