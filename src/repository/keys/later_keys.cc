#include "repository/keys/later_keys.h"

#include <utility>

#include "repository/keys/opened_keys.h"

namespace pgcairn::repository {

LaterKeys::LaterKeys(storage::Storage& storage, ClusterNames names, const RepositoryId& repository,
                     AccessKeyPair pair, uint32_t epoch)
    : storage_(storage),
      names_(std::move(names)),
      repository_(repository),
      pair_(std::move(pair)),
      epoch_(epoch) {}

Result<std::optional<ByteView>> LaterKeys::Find(const KeyId& id) {
  std::lock_guard lock(mutex_);
  if (!data_keys_.contains(id)) {
    ASSIGN_OR_RETURN(std::optional<uint32_t> newest, NewestEpoch(storage_, names_));
    if (newest && *newest > epoch_) {
      RETURN_IF_ERROR(Read().Context("the keys were changed while this run went on"));
    }
  }
  auto found = data_keys_.find(id);
  if (found == data_keys_.end()) return std::optional<ByteView>();
  return std::optional<ByteView>(found->second.view());
}

Status LaterKeys::Read() {
  Credentials credentials;
  credentials.pair = &pair_;
  ASSIGN_OR_RETURN(OpenedKeys opened, OpenKeys(storage_, names_, repository_, credentials));
  for (const format::DataKey& key : opened.epoch->data_keys()) {
    data_keys_.emplace(DataKeyIdOf(AsBytes(key.key())),
                       crypto::SecretArray<32>(AsBytes(key.key()).first<32>()));
  }
  epoch_ = opened.epoch->number();
  return {};
}

}  // namespace pgcairn::repository
