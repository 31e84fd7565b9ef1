#include "repository/keys/stored_access_keys.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "repository/seal/document.h"
#include "repository/stored_twice.h"

namespace pgcairn::repository {
namespace {

constexpr size_t kGenerationDigits = 8;

struct NameParts {
  uint32_t generation = 0;
  AccessKeyId id;
};

// Nothing for a name of another form.
std::optional<NameParts> ParseName(const ClusterNames& names, const std::string& name) {
  std::string_view last = std::string_view(name).substr(names.Keys().size() + 1);
  if (last.size() <= kGenerationDigits) return std::nullopt;
  NameParts parts;
  std::from_chars(last.data(), last.data() + kGenerationDigits, parts.generation, 16);
  std::optional<Bytes> id = FromHex(last.substr(kGenerationDigits + 1));
  if (!id || id->size() != AccessKeyId::kBytes) return std::nullopt;
  std::copy(id->begin(), id->end(), parts.id.bytes.begin());
  if (names.Key(parts.generation, parts.id) != name) return std::nullopt;
  return parts;
}

bool HasRoot(const StoredAccessKey& key, const KeyId& root) {
  return key.object.ok() && key.object->root_id() == ToString(root.view());
}

}  // namespace

Result<format::AccessKeyObject> DecodeAccessKey(const ClusterNames& names, const std::string& name,
                                                ByteView object) {
  ASSIGN_OR_RETURN(std::string message, DecodePlainDocument(ObjectKind::kAccessKey, object));
  format::AccessKeyObject key;
  if (!key.ParseFromString(message)) {
    return Error{Code::kDamaged, "its message cannot be read", ""};
  }
  ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(key.access_key_id()));
  if (names.Key(key.generation(), id) != name) {
    return Error{Code::kDamaged, "it is another access key", ""};
  }
  return key;
}

Result<std::vector<StoredAccessKey>> ReadAccessKeys(storage::Storage& storage,
                                                    const ClusterNames& names) {
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List(names.Keys()));
  std::set<std::string> found;
  for (const storage::ObjectInfo& object : listing.objects) {
    std::string name = object.name;
    if (name.ends_with(kCopySuffix)) name.resize(name.size() - kCopySuffix.size());
    found.insert(std::move(name));
  }
  std::vector<StoredAccessKey> keys;
  for (const std::string& name : found) {
    std::optional<NameParts> parts = ParseName(names, name);
    if (!parts) continue;
    auto object = ReadStoredTwice<format::AccessKeyObject>(
        storage, name, kPlainDocumentBytesMax,
        [&](ByteView bytes) { return DecodeAccessKey(names, name, bytes); });
    if (!object.ok() && object.code() == Code::kNotFound) {
      if (!storage.Stat(name + std::string(kCopySuffix)).ok()) continue;
      object = Error{Code::kDamaged, name + " is missing, and its copy is damaged", ""};
    }
    // Another key may open the cluster all the same.
    if (!object.ok() && object.code() != Code::kDamaged) return object.status();
    keys.push_back({name, parts->generation, parts->id, std::move(object)});
  }
  return keys;
}

AccessKeys AccessKeysOf(const KeyId& root, const std::vector<StoredAccessKey>& stored) {
  AccessKeys keys;
  for (const StoredAccessKey& key : stored) {
    if (!HasRoot(key, root)) continue;
    keys.generation = key.generation;
    keys.readable.push_back(*key.object);
  }
  for (const StoredAccessKey& key : stored) {
    if (key.object.ok()) continue;
    // Whose root it held, only its name can still say.
    if (keys.generation != 0 && key.generation != keys.generation) continue;
    keys.damaged.push_back({key.id, key.object.error()});
  }
  return keys;
}

std::vector<StoredAccessKey> RetiredAccessKeys(const KeyId& in_force, uint32_t generation,
                                               const std::vector<StoredAccessKey>& stored) {
  std::vector<StoredAccessKey> retired;
  for (const StoredAccessKey& key : stored) {
    const bool older = key.generation < generation;
    const bool lost_race = key.generation == generation && key.object.ok();
    if ((older || lost_race) && !HasRoot(key, in_force)) retired.push_back(key);
  }
  return retired;
}

}  // namespace pgcairn::repository
