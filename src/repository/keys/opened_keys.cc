#include "repository/keys/opened_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "repository/keys/removed_key.h"
#include "repository/seal/document.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::repository {
namespace {

// Keys are changed by people: a third change within one opening is no race.
constexpr int kAttemptsMax = 3;

struct Opening {
  storage::Storage& storage;
  const ClusterNames& names;
  const RepositoryId& repository;
  const Credentials& credentials;
  const std::vector<StoredAccessKey>& stored;
};

Error NoKeyOfThatRoot(const KeyId& root) {
  return {Code::kWrongKey,
          fmt::format("the newest key epoch is sealed under root {}, and no access key of that "
                      "root is stored",
                      root.ToHex()),
          "the folder keys of the cluster is not complete: bring it back from a copy"};
}

Error Removed(const std::string& what, const format::RemovedAccessKey& removed) {
  return {Code::kWrongKey,
          fmt::format("{}: this access key was removed on {}", what,
                      Timestamp{removed.removed_at_us()}.ToText()),
          "use an access key that `pgcairn key list` names; `pgcairn key add` on a host that can "
          "open the cluster makes another one"};
}

// What the cluster still knows of an access key that opens it no more.
std::optional<Error> WhyNotInForce(const Opening& opening) {
  std::optional<AccessKeyId> id;
  std::string what;
  if (opening.credentials.pair != nullptr) {
    id = opening.credentials.pair->id;
    what = "access key " + id->ToHex();
  } else if (!opening.credentials.key_file.empty()) {
    Result<AccessKeyPair> pair = ReadKeyFile(opening.credentials.key_file);
    if (pair.ok()) {
      id = pair->id;
      what =
          fmt::format("the key file {} (access key {})", opening.credentials.key_file, id->ToHex());
    }
  }
  if (!id) return std::nullopt;
  std::optional<format::RemovedAccessKey> removed =
      FindRemovedKey(opening.storage, opening.names, *id);
  if (removed) return Removed(what, *removed);
  for (const StoredAccessKey& key : opening.stored) {
    if (key.id != *id) continue;
    return Error{Code::kWrongKey,
                 what + ": this access key was removed, or the command that adds it has not ended",
                 "use an access key that `pgcairn key list` names"};
  }
  return std::nullopt;
}

// Of a passphrase that was exchanged nothing is left that could recognise it.
void AddPassphraseHint(const Opening& opening, Error& error) {
  if (opening.credentials.passphrase == nullptr) return;
  Result<std::vector<format::RemovedAccessKey>> removed =
      ListRemovedKeys(opening.storage, opening.names);
  if (!removed.ok()) return;
  int64_t last_us = 0;
  for (const format::RemovedAccessKey& key : *removed) {
    if (key.kind() != format::AccessKeyObject::PASSPHRASE) continue;
    last_us = std::max(last_us, key.removed_at_us());
  }
  if (last_us == 0) return;
  error.hint += fmt::format("; a passphrase of this cluster was removed or exchanged on {}",
                            Timestamp{last_us}.ToText());
}

Error NoneInForceFits(const Opening& opening) {
  std::optional<Error> removed = WhyNotInForce(opening);
  if (removed) return *removed;
  Error error = NoCredentialFits(opening.credentials);
  AddPassphraseHint(opening, error);
  return error;
}

// A root has one generation, which is proven now: what says otherwise was put there by somebody who
// cannot open the cluster.
void KeepGeneration(uint32_t generation, AccessKeys& keys) {
  std::erase_if(keys.readable,
                [&](const format::AccessKeyObject& key) { return key.generation() != generation; });
  keys.generation = generation;
}

// Opens one copy of an epoch, which is stored under that name.
Result<OpenedKeys> OpenCopy(const Opening& opening, uint32_t number, const std::string& name) {
  auto reading = [&](auto result) { return std::move(result).Context("reading " + name); };
  ASSIGN_OR_RETURN(Bytes object, reading(opening.storage.Get(name, kSealedDocumentBytesMax)));
  ASSIGN_OR_RETURN(KeyId root_id, reading(RootNamedBy(object)));
  AccessKeys keys = AccessKeysOf(root_id, opening.stored);
  if (keys.readable.empty()) {
    return keys.damaged.empty() ? NoKeyOfThatRoot(root_id) : keys.damaged.front().error;
  }
  ASSIGN_OR_RETURN(std::optional<OpenedRoot> root,
                   OpenRootWith(opening.credentials, keys.readable, opening.repository));
  if (!root) {
    // The key that was damaged may be the one that would have fitted.
    if (!keys.damaged.empty()) return keys.damaged.front().error;
    return NoneInForceFits(opening);
  }
  KeepGeneration(root->object.generation(), keys);
  ASSIGN_OR_RETURN(ClusterId cluster, ClusterId::From(root->object.cluster_id()));
  Place place{opening.repository, cluster};
  ASSIGN_OR_RETURN(SecretEpoch epoch, reading(OpenEpoch(object, number, root->root, place)));
  return OpenedKeys{std::move(*root), place, std::move(epoch), std::move(keys)};
}

Result<OpenedKeys> OpenEitherCopy(const Opening& opening, uint32_t number) {
  const std::string name = opening.names.Epoch(number);
  Result<OpenedKeys> first = OpenCopy(opening, number, name);
  if (first.ok()) return first;
  Result<OpenedKeys> second = OpenCopy(opening, number, name + std::string(kCopySuffix));
  if (!second.ok()) return first;
  LogWarning("{}; its copy was used", first.error().message);
  return second;
}

Error NoSuchCluster(const ClusterNames& names) {
  return {Code::kNotFound, fmt::format("the repository has no {}", names.Root()),
          "run `pgcairn init`, or name another cluster with --cluster"};
}

Result<OpenedKeys> OpenAt(storage::Storage& storage, const ClusterNames& names,
                          const RepositoryId& repository, const Credentials& credentials,
                          std::optional<uint32_t> newest) {
  ASSIGN_OR_RETURN(std::vector<StoredAccessKey> stored, ReadAccessKeys(storage, names));
  if (stored.empty()) return NoSuchCluster(names);
  if (!newest) {
    return Error{Code::kNotFound, fmt::format("{} has no epoch", names.Root()),
                 "`pgcairn init` was interrupted: run it again"};
  }
  Opening opening{storage, names, repository, credentials, stored};
  Result<OpenedKeys> opened = OpenEitherCopy(opening, *newest);
  RETURN_IF_ERROR(opened);
  for (const DamagedAccessKey& key : opened->access_keys.damaged) {
    LogWarning("{}", key.error.message);
  }
  return opened;
}

}  // namespace

Result<OpenedKeys> OpenKeys(storage::Storage& storage, const ClusterNames& names,
                            const RepositoryId& repository, const Credentials& credentials) {
  ASSIGN_OR_RETURN(std::optional<uint32_t> newest, NewestEpoch(storage, names));
  for (int attempt = 1;; ++attempt) {
    Result<OpenedKeys> opened = OpenAt(storage, names, repository, credentials, newest);
    if (opened.ok() || attempt == kAttemptsMax) return opened;
    // A change in between took away the access keys that this epoch needs.
    ASSIGN_OR_RETURN(std::optional<uint32_t> now, NewestEpoch(storage, names));
    if (now == newest) return opened;
    newest = now;
  }
}

}  // namespace pgcairn::repository
