#include "commands/key_list.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "commands/open_cluster.h"
#include "repository/keys/key_leftovers.h"
#include "repository/keys/opened_keys.h"
#include "repository/keys/removed_key.h"
#include "repository/repository.h"
#include "repository/seal/document.h"
#include "storage/local/local_storage.h"

namespace pgcairn::commands {
namespace {

using repository::AccessKeys;

std::string Hex(const std::string& id) { return ToHex(AsBytes(id)); }

ListedKey ToListed(const format::AccessKeyObject& key) {
  ListedKey listed;
  listed.id = Hex(key.access_key_id());
  listed.kind = NameOfKind(key.kind());
  listed.label = key.label();
  listed.created = Timestamp{key.created_at_us()};
  return listed;
}

void AddKeys(const AccessKeys& keys, KeyListing& listing) {
  for (const format::AccessKeyObject& key : keys.readable) listing.keys.push_back(ToListed(key));
  for (const repository::DamagedAccessKey& key : keys.damaged) {
    ListedKey listed;
    listed.id = key.id.ToHex();
    listed.kind = "unknown";
    listed.problem = "damaged: it opens nothing any more";
    listing.keys.push_back(std::move(listed));
  }
}

// The root in force by the header of the newest epoch, unproven.
Result<AccessKeys> KeysByHeader(storage::Storage& storage, const repository::ClusterNames& names,
                                uint32_t epoch) {
  ASSIGN_OR_RETURN(std::vector<repository::StoredAccessKey> stored,
                   repository::ReadAccessKeys(storage, names));
  const std::string name = names.Epoch(epoch);
  AccessKeys keys;
  for (const std::string& each : {name, name + std::string(repository::kCopySuffix)}) {
    Result<Bytes> object = storage.Get(each, repository::kSealedDocumentBytesMax);
    if (!object.ok()) continue;
    Result<repository::KeyId> root = repository::RootNamedBy(*object);
    if (!root.ok()) continue;
    keys = repository::AccessKeysOf(*root, stored);
    if (keys.generation != 0) break;
  }
  return keys;
}

void TakeOpened(const repository::OpenedKeys& opened, KeyListing& listing) {
  const format::AccessKeyObject& with = opened.root.object;
  listing.encrypted = with.kind() != format::AccessKeyObject::UNENCRYPTED;
  listing.generation = with.generation();
  listing.epoch_began = Timestamp{opened.epoch->created_at_us()};
  AddKeys(opened.access_keys, listing);
  if (!listing.encrypted) return;
  listing.opened_with = Hex(with.access_key_id());
  for (size_t i = 0; i < opened.access_keys.readable.size(); ++i) {
    ListedKey& key = listing.keys[i];
    key.opened_with = key.id == listing.opened_with;
    if (repository::CheckPublicKey(opened.root.root, opened.access_keys.readable[i]).ok()) continue;
    key.problem = "not put there by somebody who can open the cluster";
  }
}

Status AddRemoved(storage::Storage& storage, const repository::ClusterNames& names,
                  KeyListing& listing) {
  ASSIGN_OR_RETURN(std::vector<format::RemovedAccessKey> removed,
                   repository::ListRemovedKeys(storage, names));
  for (const format::RemovedAccessKey& key : removed) {
    const std::string id = Hex(key.access_key_id());
    bool again = false;
    for (const ListedKey& listed : listing.keys) again |= listed.id == id;
    if (again) continue;
    listing.removed.push_back({id, NameOfKind(key.kind()), key.label(),
                               Timestamp{key.created_at_us()}, Timestamp{key.removed_at_us()}});
  }
  return {};
}

}  // namespace

std::string NameOfKind(format::AccessKeyObject::Kind kind) {
  switch (kind) {
    case format::AccessKeyObject::PASSPHRASE:
      return "passphrase";
    case format::AccessKeyObject::KEY_FILE:
      return "key_file";
    case format::AccessKeyObject::UNENCRYPTED:
      return "unencrypted";
    default:
      return "unknown";
  }
}

Result<KeyListing> ListKeys(const config::Settings& settings) {
  ASSIGN_OR_RETURN(std::unique_ptr<storage::LocalStorage> storage,
                   storage::LocalStorage::Open(settings.storage.local_path));
  ASSIGN_OR_RETURN(repository::RepositoryId repository, repository::OpenRepository(*storage));
  const repository::ClusterNames names(settings.cluster.name);
  KeyListing listing;
  listing.cluster = settings.cluster.name;
  ASSIGN_OR_RETURN(std::optional<uint32_t> newest, repository::NewestEpoch(*storage, names));
  listing.epoch = newest.value_or(0);
  SettingsCredentials credentials(settings);
  Result<repository::OpenedKeys> opened =
      repository::OpenKeys(*storage, names, repository, credentials.get());
  if (opened.ok()) {
    listing.epoch = opened->epoch->number();
    TakeOpened(*opened, listing);
  } else if (opened.code() == Code::kWrongKey || opened.code() == Code::kPermission) {
    listing.not_opened = opened.error().message;
    ASSIGN_OR_RETURN(AccessKeys keys, KeysByHeader(*storage, names, listing.epoch));
    listing.generation = keys.generation;
    AddKeys(keys, listing);
  } else {
    return opened.status();
  }
  RETURN_IF_ERROR(AddRemoved(*storage, names, listing));
  ASSIGN_OR_RETURN(repository::KeyLeftovers left, repository::FindKeyLeftovers(*storage, names));
  listing.leftovers = left.access_keys.size();
  return listing;
}

}  // namespace pgcairn::commands
