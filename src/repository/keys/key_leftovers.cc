#include "repository/keys/key_leftovers.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "repository/keys/epoch.h"
#include "repository/keys/stored_access_keys.h"
#include "repository/seal/document.h"

namespace pgcairn::repository {
namespace {

// Those that the copies name: one, unless a copy is damaged.
std::set<KeyId> RootsNamed(storage::Storage& storage, const std::string& epoch) {
  std::set<KeyId> roots;
  for (const std::string& name : {epoch, epoch + std::string(kCopySuffix)}) {
    Result<Bytes> object = storage.Get(name, kSealedDocumentBytesMax);
    if (!object.ok()) continue;
    Result<KeyId> root = RootNamedBy(*object);
    if (root.ok()) roots.insert(*root);
  }
  return roots;
}

}  // namespace

Result<KeyLeftovers> FindKeyLeftovers(storage::Storage& storage, const ClusterNames& names) {
  KeyLeftovers left;
  ASSIGN_OR_RETURN(std::optional<uint32_t> newest, NewestEpoch(storage, names));
  if (!newest) return left;
  const std::string epoch = names.Epoch(*newest);
  ASSIGN_OR_RETURN(std::vector<StoredAccessKey> stored, ReadAccessKeys(storage, names));
  uint32_t generation = 0;
  std::set<std::string> in_force;
  for (const KeyId& root : RootsNamed(storage, epoch)) {
    for (const format::AccessKeyObject& key : AccessKeysOf(root, stored).readable) {
      generation = key.generation();
      in_force.insert(names.Key(generation, *AccessKeyId::From(key.access_key_id())));
    }
  }
  if (generation == 0) return left;
  bool older = false;
  for (const StoredAccessKey& key : stored) {
    const bool damaged_in_force = !key.object.ok() && key.generation == generation;
    if (damaged_in_force || in_force.contains(key.name)) continue;
    left.access_keys.insert(key.name);
    older |= key.generation < generation;
  }
  const std::string copy = epoch + std::string(kCopySuffix);
  Result<storage::ObjectInfo> info = storage.Stat(copy);
  if (older && !info.ok() && info.code() == Code::kNotFound) left.missing_copy = copy;
  return left;
}

}  // namespace pgcairn::repository
