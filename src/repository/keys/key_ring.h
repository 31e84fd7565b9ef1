// The opened keys of one cluster (docs/format.md, section 5).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "crypto/secret_bytes.h"
#include "repository/identifiers.h"
#include "repository/keys/opened_keys.h"
#include "repository/keys/opened_root.h"
#include "repository/names.h"
#include "repository/seal/document.h"
#include "storage/storage.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::repository {

class LaterKeys;

// Any number of threads may read. What it writes with stays the same as long as it lives.
class KeyRing {
 public:
  explicit KeyRing(OpenedKeys opened);
  KeyRing(KeyRing&&) noexcept;
  KeyRing& operator=(KeyRing&&) noexcept;
  ~KeyRing();

  const ClusterId& cluster_id() const { return cluster_id_; }
  uint32_t generation() const { return generation_; }
  uint32_t epoch() const { return epoch_; }
  Timestamp epoch_began() const { return epoch_began_; }
  bool encrypted() const { return encrypted_; }
  const AccessKeyId& opened_with() const { return opened_with_; }
  const KeyId& root_id() const { return root_id_; }

  // The key for new objects.
  SealingKey Current() const;
  // Any data key of the cluster by id; kWrongKey when this cluster has none of that id. The view
  // stays valid as long as this object, wherever it is moved.
  Result<ByteView> Find(const KeyId& id) const;
  KeyLookup Lookup() const {
    return [this](const KeyId& id) { return Find(id); };
  }
  ByteView fingerprint_secret() const { return fingerprint_secret_.view(); }  // 192 bytes
  ByteView wal_identity_key() const { return wal_identity_key_.view(); }      // 32 bytes
  ByteView chunk_key() const { return chunk_key_.view(); }                    // 32 bytes

  // From now on a key that is not here is looked for in epochs that began after this one was
  // opened: others write with theirs while a long run goes on. `storage` outlives this object.
  void FollowEpochs(storage::Storage& storage, const ClusterNames& names,
                    const RepositoryId& repository);

 private:
  ClusterId cluster_id_;
  uint32_t generation_ = 0;
  uint32_t epoch_ = 0;
  Timestamp epoch_began_;
  bool encrypted_ = true;
  AccessKeyId opened_with_;
  KeyId root_id_;
  std::optional<AccessKeyPair> pair_;
  KeyId current_;
  std::map<KeyId, crypto::SecretArray<32>> data_keys_;
  crypto::SecretArray<192> fingerprint_secret_;
  crypto::SecretArray<32> wal_identity_key_;
  crypto::SecretArray<32> chunk_key_;
  std::unique_ptr<LaterKeys> later_;  // null: they are not looked for
};

// As OpenKeys.
Result<KeyRing> OpenKeyRing(storage::Storage& storage, const ClusterNames& names,
                            const RepositoryId& repository, const Credentials& credentials);

}  // namespace pgcairn::repository
