#include "commands/unfinished_backup.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "repository/checkpoint/checkpoint_store.h"
#include "repository/lease/tombstone.h"
#include "util/bytes.h"

namespace pgcairn::commands {

UnfinishedBackup::UnfinishedBackup(storage::Storage& inner, repository::ClusterNames names,
                                   std::string_view backup_id)
    : ForwardingStorage(inner),
      names_(std::move(names)),
      backup_id_(backup_id),
      manifest_(names_.Manifest(backup_id)),
      lease_(names_.Lease(backup_id)),
      checkpoints_(names_.Checkpoints() + "/" + backup_id_ + "/") {}

Status UnfinishedBackup::PutIfAbsent(std::string_view name, std::span<const ByteView> parts) {
  if (name == manifest_) {
    std::lock_guard lock(mutex_);
    packs_.clear();
  }
  if (name.starts_with(checkpoints_)) {
    // Before it is tried: after an error it may be there all the same, and names packs.
    std::lock_guard lock(mutex_);
    has_checkpoint_ = true;
  }
  Status put = ForwardingStorage::PutIfAbsent(name, parts);
  if (put.ok()) Remember(name);
  if (name == lease_ && (put.ok() || put.code() != Code::kAlreadyExists)) {
    std::lock_guard lock(mutex_);
    may_have_lease_ = true;
  }
  if (!put.ok() && put.code() == Code::kNoSpace) {
    std::lock_guard lock(mutex_);
    room_was_used_up_ = true;
  }
  return put;
}

Status UnfinishedBackup::Delete(std::string_view name) {
  Status deleted = ForwardingStorage::Delete(name);
  if (name == lease_ && deleted.ok()) {
    std::lock_guard lock(mutex_);
    may_have_lease_ = false;
  }
  return deleted;
}

bool UnfinishedBackup::MayHaveLease() const {
  std::lock_guard lock(mutex_);
  return may_have_lease_;
}

void UnfinishedBackup::Remember(std::string_view name) {
  std::optional<Bytes> hash = FromHex(name.substr(name.rfind('/') + 1));
  crypto::Sha256Digest sha256;
  if (!hash || hash->size() != sha256.bytes.size()) return;
  std::copy(hash->begin(), hash->end(), sha256.bytes.begin());
  if (names_.Pack(sha256) != name) return;
  std::lock_guard lock(mutex_);
  packs_.push_back(sha256);
}

Status UnfinishedBackup::TakeBack(const repository::ClusterAccess& cluster) {
  std::lock_guard lock(mutex_);
  if (has_checkpoint_ && !packs_.empty()) {
    if (!room_was_used_up_) return {};
    ASSIGN_OR_RETURN(repository::GivenUp given_up,
                     repository::GiveUp(cluster, backup_id_, "the room was used up"));
    if (given_up != repository::GivenUp::kNow) return {};
    RETURN_IF_ERROR(repository::RemoveCheckpoints(cluster, backup_id_));
  }
  while (!packs_.empty()) {
    std::string name = names_.Pack(packs_.back());
    RETURN_IF_ERROR(inner().Delete(name).Context("taking back the pack " + name));
    packs_.pop_back();
  }
  return {};
}

}  // namespace pgcairn::commands
