#include "repository/keys/key_ring.h"

#include <fmt/format.h>

#include <utility>

#include "repository/keys/later_keys.h"

namespace pgcairn::repository {

KeyRing::KeyRing(OpenedKeys opened)
    : cluster_id_(opened.place.cluster),
      generation_(opened.root.object.generation()),
      epoch_(opened.epoch->number()),
      epoch_began_{opened.epoch->created_at_us()},
      encrypted_(opened.root.object.kind() != format::AccessKeyObject::UNENCRYPTED),
      root_id_(opened.root.id),
      pair_(std::move(opened.root.pair)),
      fingerprint_secret_(AsBytes(opened.epoch->fingerprint_secret()).first<192>()),
      wal_identity_key_(AsBytes(opened.epoch->wal_identity_key()).first<32>()),
      chunk_key_(AsBytes(opened.epoch->chunk_key()).first<32>()) {
  if (pair_) opened_with_ = pair_->id;
  for (const format::DataKey& key : opened.epoch->data_keys()) {
    KeyId id = DataKeyIdOf(AsBytes(key.key()));
    data_keys_.emplace(id, crypto::SecretArray<32>(AsBytes(key.key()).first<32>()));
    if (key.epoch() == epoch_) current_ = id;
  }
}

KeyRing::KeyRing(KeyRing&&) noexcept = default;
KeyRing& KeyRing::operator=(KeyRing&&) noexcept = default;
KeyRing::~KeyRing() = default;

SealingKey KeyRing::Current() const { return {current_, data_keys_.at(current_).view()}; }

Result<ByteView> KeyRing::Find(const KeyId& id) const {
  auto found = data_keys_.find(id);
  if (found != data_keys_.end()) return ByteView(found->second.view());
  if (later_ != nullptr) {
    ASSIGN_OR_RETURN(std::optional<ByteView> later, later_->Find(id));
    if (later) return *later;
  }
  return Error{Code::kWrongKey, fmt::format("no data key {} in this cluster", id.ToHex()),
               "the object belongs to another cluster or repository, or is damaged"};
}

void KeyRing::FollowEpochs(storage::Storage& storage, const ClusterNames& names,
                           const RepositoryId& repository) {
  // The keys of an unencrypted cluster never change.
  if (!pair_) return;
  later_ = std::make_unique<LaterKeys>(storage, names, repository, pair_->Clone(), epoch_);
}

Result<KeyRing> OpenKeyRing(storage::Storage& storage, const ClusterNames& names,
                            const RepositoryId& repository, const Credentials& credentials) {
  ASSIGN_OR_RETURN(OpenedKeys opened, OpenKeys(storage, names, repository, credentials));
  return KeyRing(std::move(opened));
}

}  // namespace pgcairn::repository
