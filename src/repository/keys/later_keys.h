// Data keys of epochs that began after a run had opened the cluster.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "crypto/secret_bytes.h"
#include "repository/identifiers.h"
#include "repository/keys/access_key.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

class LaterKeys {
 public:
  // `storage` outlives it; `epoch` is the one that the run has. `pair` opens the newer ones, as
  // long as that access key is not removed.
  LaterKeys(storage::Storage& storage, ClusterNames names, const RepositoryId& repository,
            AccessKeyPair pair, uint32_t epoch);

  // Reads the newest epoch when there is one that was not read yet. Nothing: no such key there
  // either. The view stays valid as long as this object. Any number of threads.
  Result<std::optional<ByteView>> Find(const KeyId& id);

 private:
  Status Read();

  storage::Storage& storage_;
  const ClusterNames names_;
  const RepositoryId repository_;
  const AccessKeyPair pair_;
  std::mutex mutex_;
  uint32_t epoch_;
  std::map<KeyId, crypto::SecretArray<32>> data_keys_;
};

}  // namespace pgcairn::repository
