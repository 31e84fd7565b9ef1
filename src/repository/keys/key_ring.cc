#include "repository/keys/key_ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "crypto/random.h"
#include "crypto/sha256.h"
#include "repository/stored_twice.h"
#include "util/clock.h"

namespace pgcairn::repository {
namespace {

constexpr uint32_t kFirstEpoch = 1;

KeyId DataKeyIdOf(ByteView key) {
  crypto::Sha256Digest mac = crypto::HmacSha256(key, {AsBytes("pgcairn data key id v1")});
  KeyId id;
  std::copy_n(mac.bytes.begin(), KeyId::kBytes, id.bytes.begin());
  return id;
}

Status RandomField(std::string* field, size_t bytes) {
  field->assign(bytes, '\0');
  return crypto::FillRandom(std::span(reinterpret_cast<uint8_t*>(field->data()), bytes));
}

Result<format::Epoch> FirstEpoch(const ClusterId& cluster) {
  format::Epoch epoch;
  epoch.set_number(kFirstEpoch);
  epoch.set_cluster_id(ToString(cluster.view()));
  format::DataKey* key = epoch.add_data_keys();
  RETURN_IF_ERROR(RandomField(key->mutable_key(), 32));
  key->set_key_id(ToString(DataKeyIdOf(AsBytes(key->key())).view()));
  key->set_epoch(kFirstEpoch);
  RETURN_IF_ERROR(RandomField(epoch.mutable_fingerprint_secret(), 192));
  RETURN_IF_ERROR(RandomField(epoch.mutable_wal_identity_key(), 32));
  RETURN_IF_ERROR(RandomField(epoch.mutable_chunk_key(), 32));
  epoch.set_created_at_us(Timestamp::Now().unix_us);
  return epoch;
}

// Object names without the copies, which only repeat them.
Result<std::vector<std::string>> PrimaryNames(storage::Storage& storage,
                                              const std::string& directory) {
  ASSIGN_OR_RETURN(storage::Listing listing, storage.List(directory));
  std::vector<std::string> names;
  for (const storage::ObjectInfo& object : listing.objects) {
    std::string name = object.name;
    if (name.ends_with(kCopySuffix)) name.resize(name.size() - kCopySuffix.size());
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// 0 for a name of another form.
uint32_t GenerationIn(const ClusterNames& names, std::string_view name) {
  constexpr size_t kDigits = 8;
  name.remove_prefix(std::min(name.size(), names.Keys().size() + 1));
  uint32_t generation = 0;
  std::from_chars(name.data(), name.data() + std::min(name.size(), kDigits), generation, 16);
  return generation;
}

// Past every generation that an interrupted run left access keys of: their root is lost, and their
// names are taken.
Result<uint32_t> UnusedGeneration(storage::Storage& storage, const ClusterNames& names) {
  ASSIGN_OR_RETURN(std::vector<std::string> found, PrimaryNames(storage, names.Keys()));
  uint32_t newest = 0;
  for (const std::string& name : found) newest = std::max(newest, GenerationIn(names, name));
  return newest + 1;
}

Result<format::AccessKeyObject> ReadAccessKey(storage::Storage& storage, const std::string& name) {
  return ReadStoredTwice<format::AccessKeyObject>(
      storage, name, kPlainDocumentBytesMax,
      [](ByteView object) -> Result<format::AccessKeyObject> {
        ASSIGN_OR_RETURN(std::string message, DecodePlainDocument(ObjectKind::kAccessKey, object));
        format::AccessKeyObject parsed;
        if (!parsed.ParseFromString(message)) {
          return Error{Code::kDamaged, "its message cannot be read", ""};
        }
        return parsed;
      });
}

struct OpenedRoot {
  RootSecret root;
  KeyId root_id;
  format::AccessKeyObject object;
};

Result<std::optional<OpenedRoot>> TryKeyFile(const std::vector<format::AccessKeyObject>& objects,
                                             const std::string& path,
                                             const RepositoryId& repository) {
  Result<AccessKeyPair> pair = ReadKeyFile(path);
  if (!pair.ok() && pair.code() == Code::kNotFound) return std::optional<OpenedRoot>();
  RETURN_IF_ERROR(pair);
  for (const format::AccessKeyObject& object : objects) {
    if (object.access_key_id() != ToString(pair->id.view())) continue;
    ASSIGN_OR_RETURN(RootSecret root, OpenRoot(object, *pair, repository));
    KeyId id = RootIdOf(root);
    return std::optional<OpenedRoot>(OpenedRoot{std::move(root), id, object});
  }
  return std::optional<OpenedRoot>();
}

Result<std::optional<OpenedRoot>> TryPassphrase(const std::vector<format::AccessKeyObject>& objects,
                                                const crypto::SecretBytes& passphrase,
                                                const RepositoryId& repository) {
  for (const format::AccessKeyObject& object : objects) {
    if (object.kind() != format::AccessKeyObject::PASSPHRASE) continue;
    ASSIGN_OR_RETURN(AccessKeyPair pair, PairFromPassphrase(object, passphrase.view()));
    if (object.access_key_id() != ToString(pair.id.view())) continue;
    ASSIGN_OR_RETURN(RootSecret root, OpenRoot(object, pair, repository));
    KeyId id = RootIdOf(root);
    return std::optional<OpenedRoot>(OpenedRoot{std::move(root), id, object});
  }
  return std::optional<OpenedRoot>();
}

Error NoCredentialFits(const Credentials& credentials) {
  std::string tried;
  if (!credentials.key_file.empty()) tried = fmt::format("the key file {}", credentials.key_file);
  if (credentials.passphrase != nullptr) {
    tried += tried.empty() ? "the passphrase" : " and the passphrase";
  }
  if (tried.empty()) {
    return {Code::kWrongKey, "the repository is encrypted and no key is at hand",
            "set BACKUP_ENCRYPTION_KEY, or encryption.key_file to the host key file"};
  }
  return {Code::kWrongKey, fmt::format("{} cannot open this cluster", tried),
          "the key file is missing or another cluster's, or BACKUP_ENCRYPTION_KEY is not the "
          "passphrase given at init"};
}

Result<OpenedRoot> FindRoot(const std::vector<format::AccessKeyObject>& objects,
                            const RepositoryId& repository, const Credentials& credentials) {
  for (const format::AccessKeyObject& object : objects) {
    if (object.kind() != format::AccessKeyObject::UNENCRYPTED) continue;
    ASSIGN_OR_RETURN(RootSecret root, PlainRoot(object));
    KeyId id = RootIdOf(root);
    return OpenedRoot{std::move(root), id, object};
  }
  if (!credentials.key_file.empty()) {
    ASSIGN_OR_RETURN(std::optional<OpenedRoot> opened,
                     TryKeyFile(objects, credentials.key_file, repository));
    if (opened) return std::move(*opened);
  }
  if (credentials.passphrase != nullptr) {
    ASSIGN_OR_RETURN(std::optional<OpenedRoot> opened,
                     TryPassphrase(objects, *credentials.passphrase, repository));
    if (opened) return std::move(*opened);
  }
  return NoCredentialFits(credentials);
}

// The highest epoch that the root opens. A newer one under a root that is not at hand is a wrong
// key.
Result<std::string> OpenNewestEpoch(storage::Storage& storage, const ClusterNames& names,
                                    Place place, const OpenedRoot& opened) {
  ASSIGN_OR_RETURN(std::vector<std::string> epochs, PrimaryNames(storage, names.Epochs()));
  if (epochs.empty()) {
    return Error{Code::kNotFound, fmt::format("{} has no epoch", names.Root()),
                 "`pgcairn init` was interrupted: run it again"};
  }
  KeyLookup lookup = [&](const KeyId& id) -> Result<ByteView> {
    if (id == opened.root_id) return ByteView(opened.root.view());
    return Error{Code::kWrongKey, "the newest key epoch was sealed under a newer root",
                 "this access key was removed: use one that is still listed"};
  };
  return ReadStoredTwice<std::string>(
      storage, epochs.back(), kSealedDocumentBytesMax,
      [&](ByteView object) { return OpenDocument(ObjectKind::kEpoch, object, place, lookup); });
}

}  // namespace

SealingKey KeyRing::Current() const { return {current_, data_keys_.at(current_).view()}; }

Result<ByteView> KeyRing::Find(const KeyId& id) const {
  auto found = data_keys_.find(id);
  if (found == data_keys_.end()) {
    return Error{Code::kWrongKey, fmt::format("no data key {} in this cluster", id.ToHex()),
                 "the object belongs to another cluster or repository, or is damaged"};
  }
  return ByteView(found->second.view());
}

Status KeyRing::TakeEpoch(const std::string& message) {
  format::Epoch epoch;
  Error damaged{Code::kDamaged, "the key epoch cannot be read", ""};
  if (!epoch.ParseFromString(message) || epoch.data_keys().empty() ||
      epoch.fingerprint_secret().size() != 192 || epoch.wal_identity_key().size() != 32 ||
      epoch.cluster_id() != ToString(cluster_id_.view())) {
    return damaged;
  }
  for (const format::DataKey& key : epoch.data_keys()) {
    if (key.key().size() != 32) return damaged;
    KeyId id = DataKeyIdOf(AsBytes(key.key()));
    if (key.key_id() != ToString(id.view())) return damaged;
    data_keys_.emplace(id, crypto::SecretArray<32>(AsBytes(key.key()).first<32>()));
    if (key.epoch() == epoch.number()) current_ = id;
  }
  if (!data_keys_.contains(current_)) return damaged;
  fingerprint_secret_ = crypto::SecretArray<192>(AsBytes(epoch.fingerprint_secret()).first<192>());
  wal_identity_key_ = crypto::SecretArray<32>(AsBytes(epoch.wal_identity_key()).first<32>());
  return {};
}

Status CreateKeys(storage::Storage& storage, const ClusterNames& names,
                  const RepositoryId& repository, std::vector<NewAccessKey> keys,
                  const std::function<void()>& before_commit) {
  CHECK(!keys.empty());
  Place place{repository, {}};
  RETURN_IF_ERROR(crypto::FillRandom(place.cluster.bytes));
  RootSecret root;
  RETURN_IF_ERROR(crypto::FillRandom(root.span()));
  ASSIGN_OR_RETURN(uint32_t generation, UnusedGeneration(storage, names));
  std::vector<std::string> written;
  for (NewAccessKey& key : keys) {
    ASSIGN_OR_RETURN(format::AccessKeyObject object,
                     SealRoot(root, generation, place, std::move(key)));
    ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(object.access_key_id()));
    written.push_back(names.Key(generation, id));
    RETURN_IF_ERROR(
        PutTwice(storage, written.back(),
                 EncodePlainDocument(ObjectKind::kAccessKey, object.SerializeAsString())));
  }
  ASSIGN_OR_RETURN(format::Epoch epoch, FirstEpoch(place.cluster));
  ASSIGN_OR_RETURN(Bytes sealed, SealDocument(ObjectKind::kEpoch, {RootIdOf(root), root.view()},
                                              place, epoch.SerializeAsString()));
  before_commit();
  Status put = PutTwice(storage, names.Epoch(kFirstEpoch), sealed);
  if (!put.ok() && put.code() == Code::kAlreadyExists) {
    // Another run was first: keys of a root that opens nothing would hide its own.
    for (const std::string& name : written) {
      RETURN_IF_ERROR(storage.Delete(name));
      RETURN_IF_ERROR(storage.Delete(name + std::string(kCopySuffix)));
    }
  }
  return put;
}

Result<AccessKeys> ListAccessKeys(storage::Storage& storage, const ClusterNames& names) {
  ASSIGN_OR_RETURN(std::vector<std::string> found, PrimaryNames(storage, names.Keys()));
  uint32_t newest = 0;
  for (const std::string& name : found) newest = std::max(newest, GenerationIn(names, name));
  AccessKeys keys;
  for (const std::string& name : found) {
    if (GenerationIn(names, name) != newest) continue;
    Result<format::AccessKeyObject> object = ReadAccessKey(storage, name);
    if (object.ok()) {
      keys.readable.push_back(std::move(*object));
    } else if (object.code() == Code::kDamaged) {
      // Another key may open the cluster all the same.
      keys.damaged.push_back(object.error());
    } else {
      return object.status();
    }
  }
  return keys;
}

Result<KeyRing> OpenKeyRing(storage::Storage& storage, const ClusterNames& names,
                            const RepositoryId& repository, const Credentials& credentials) {
  ASSIGN_OR_RETURN(AccessKeys keys, ListAccessKeys(storage, names));
  if (keys.readable.empty() && keys.damaged.empty()) {
    return Error{Code::kNotFound, fmt::format("the repository has no {}", names.Root()),
                 "run `pgcairn init`, or name another cluster with --cluster"};
  }
  Result<OpenedRoot> found = FindRoot(keys.readable, repository, credentials);
  // The key that was damaged may be the one that would have fitted.
  if (!found.ok() && found.code() == Code::kWrongKey && !keys.damaged.empty()) {
    return keys.damaged.front();
  }
  ASSIGN_OR_RETURN(OpenedRoot opened, std::move(found));
  for (const Error& error : keys.damaged) LogWarning("{}", error.message);
  KeyRing ring;
  ASSIGN_OR_RETURN(ring.cluster_id_, ClusterId::From(opened.object.cluster_id()));
  ASSIGN_OR_RETURN(ring.opened_with_, AccessKeyId::From(opened.object.access_key_id()));
  ring.generation_ = opened.object.generation();
  ring.encrypted_ = opened.object.kind() != format::AccessKeyObject::UNENCRYPTED;
  Place place{repository, ring.cluster_id_};
  ASSIGN_OR_RETURN(std::string epoch, OpenNewestEpoch(storage, names, place, opened));
  RETURN_IF_ERROR(ring.TakeEpoch(epoch).Context("opening " + names.Epochs()));
  return ring;
}

}  // namespace pgcairn::repository
