// The opened keys of one cluster (docs/format.md, section 5).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crypto/secret_bytes.h"
#include "repository/identifiers.h"
#include "repository/keys/access_key.h"
#include "repository/names.h"
#include "repository/seal/document.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

// What the caller can open a cluster with. The key file is tried before the passphrase, which costs
// half a second.
struct Credentials {
  std::string key_file;                             // path, or empty
  const crypto::SecretBytes* passphrase = nullptr;  // owned by the caller, or null
};

// Immutable after Open; any number of threads may read.
class KeyRing {
 public:
  const ClusterId& cluster_id() const { return cluster_id_; }
  uint32_t generation() const { return generation_; }
  bool encrypted() const { return encrypted_; }
  const AccessKeyId& opened_with() const { return opened_with_; }

  // The key for new objects.
  SealingKey Current() const;
  // Any data key of the cluster by id; kWrongKey when this cluster has none of that id.
  Result<ByteView> Find(const KeyId& id) const;
  KeyLookup Lookup() const {
    return [this](const KeyId& id) { return Find(id); };
  }
  ByteView fingerprint_secret() const { return fingerprint_secret_.view(); }  // 192 bytes
  ByteView wal_identity_key() const { return wal_identity_key_.view(); }      // 32 bytes

 private:
  friend Result<KeyRing> OpenKeyRing(storage::Storage&, const ClusterNames&, const RepositoryId&,
                                     const Credentials&);
  Status TakeEpoch(const std::string& message);

  ClusterId cluster_id_;
  uint32_t generation_ = 0;
  bool encrypted_ = true;
  AccessKeyId opened_with_;
  KeyId current_;
  std::map<KeyId, crypto::SecretArray<32>> data_keys_;
  crypto::SecretArray<192> fingerprint_secret_;
  crypto::SecretArray<32> wal_identity_key_;
};

// Writes the first root, its access keys and the first epoch of a new cluster. Epoch last: a
// cluster without an epoch does not exist and is made by the next call, under a new generation.
// `before_commit` is called when all but the epoch is stored: what must not be lost once the
// cluster exists is shown to its owner there, and again, with other keys, by the next call when
// this one fails. kAlreadyExists: the cluster exists, or another run was first; nothing was
// changed.
Status CreateKeys(
    storage::Storage& storage, const ClusterNames& names, const RepositoryId& repository,
    std::vector<NewAccessKey> keys, const std::function<void()>& before_commit = [] {});

// kNotFound: no such cluster. kWrongKey: none of the credentials opens it; the message says which
// were tried. kDamaged: both copies of an object are damaged.
Result<KeyRing> OpenKeyRing(storage::Storage& storage, const ClusterNames& names,
                            const RepositoryId& repository, const Credentials& credentials);

struct AccessKeys {
  std::vector<format::AccessKeyObject> readable;
  std::vector<Error> damaged;  // of those whose copies are both damaged
};

// Those of the newest generation.
Result<AccessKeys> ListAccessKeys(storage::Storage& storage, const ClusterNames& names);

}  // namespace pgcairn::repository
