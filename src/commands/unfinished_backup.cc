#include "commands/unfinished_backup.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "util/bytes.h"

namespace pgcairn::commands {

UnfinishedBackup::UnfinishedBackup(storage::Storage& inner, repository::ClusterNames names,
                                   std::string_view backup_id)
    : ForwardingStorage(inner), names_(std::move(names)), manifest_(names_.Manifest(backup_id)) {}

Status UnfinishedBackup::PutIfAbsent(std::string_view name, std::span<const ByteView> parts) {
  if (name == manifest_) {
    std::lock_guard lock(mutex_);
    packs_.clear();
  }
  Status put = ForwardingStorage::PutIfAbsent(name, parts);
  if (put.ok()) Remember(name);
  return put;
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

Status UnfinishedBackup::TakeBack() {
  std::lock_guard lock(mutex_);
  while (!packs_.empty()) {
    std::string name = names_.Pack(packs_.back());
    RETURN_IF_ERROR(inner().Delete(name).Context("taking back the pack " + name));
    packs_.pop_back();
  }
  return {};
}

}  // namespace pgcairn::commands
