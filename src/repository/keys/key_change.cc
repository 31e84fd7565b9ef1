#include "repository/keys/key_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "repository/keys/new_generation.h"
#include "repository/keys/settle_keys.h"
#include "util/log.h"

namespace pgcairn::repository {
namespace {

Error CannotStay(const AccessKeyId& id, const Error& why) {
  return {Code::kDamaged, fmt::format("access key {} cannot be kept: {}", id.ToHex(), why.message),
          fmt::format("`pgcairn key remove {}` goes on without it", id.ToHex())};
}

Error NotAnAccessKey(const AccessKeyId& id) {
  return {Code::kNotFound, fmt::format("this cluster has no access key {}", id.ToHex()),
          "`pgcairn key list` names them"};
}

// Those of the root in force that are not to be removed, each proven.
Result<std::vector<format::AccessKeyObject>> KeysThatStay(const OpenedKeys& opened,
                                                          const std::vector<AccessKeyId>& remove) {
  std::set<AccessKeyId> unknown(remove.begin(), remove.end());
  const std::set<AccessKeyId> removed = unknown;
  for (const DamagedAccessKey& key : opened.access_keys.damaged) {
    unknown.erase(key.id);
    if (!removed.contains(key.id)) return CannotStay(key.id, key.error);
  }
  std::vector<format::AccessKeyObject> stay;
  for (const format::AccessKeyObject& key : opened.access_keys.readable) {
    ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(key.access_key_id()));
    unknown.erase(id);
    if (removed.contains(id)) continue;
    Status proven = CheckPublicKey(opened.root.root, key);
    if (!proven.ok()) return CannotStay(id, proven.error());
    stay.push_back(key);
  }
  if (!unknown.empty()) return NotAnAccessKey(*unknown.begin());
  return stay;
}

}  // namespace

Result<ChangedKeys> ChangeKeys(storage::Storage& storage, const ClusterNames& names,
                               const OpenedKeys& opened, KeyChange change,
                               const std::function<void()>& before_commit) {
  if (opened.root.object.kind() == format::AccessKeyObject::UNENCRYPTED) {
    return Error{Code::kRefused, fmt::format("{} is not encrypted: it has no keys", names.Root()),
                 "to encrypt, make a new cluster or repository with storage.encryption_enabled "
                 "true"};
  }
  ASSIGN_OR_RETURN(std::vector<format::AccessKeyObject> stay, KeysThatStay(opened, change.remove));
  if (stay.empty() && change.add.empty()) {
    return Error{Code::kRefused,
                 "the last access key cannot be removed: nobody could read the "
                 "backups any more",
                 "add another one before: `pgcairn key add`"};
  }
  // After the epoch was read that the new one follows: what is listed here and is not in force when
  // the new one is stored never will be.
  ASSIGN_OR_RETURN(std::vector<StoredAccessKey> stored, ReadAccessKeys(storage, names));
  ASSIGN_OR_RETURN(NewGeneration next, NewGeneration::After(stored, opened.place));
  for (const format::AccessKeyObject& key : stay) RETURN_IF_ERROR(next.AddAgain(key));
  for (NewAccessKey& key : change.add) RETURN_IF_ERROR(next.Add(std::move(key)));
  ASSIGN_OR_RETURN(SecretEpoch epoch, EpochAfter(*opened.epoch));
  RETURN_IF_ERROR(next.Commit(storage, names, *epoch, before_commit));

  Status retired = RetireAccessKeys(storage, names, stored, next.access_keys());
  if (!retired.ok()) {
    LogWarning(
        "the keys were changed, but access keys of the old root could not be removed: {}; "
        "the next key command removes them",
        retired.error().message);
  }
  ChangedKeys changed{next.generation(), epoch->number(), {}, next.access_keys()};
  for (size_t i = stay.size(); i < changed.access_keys.size(); ++i) {
    ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(changed.access_keys[i].access_key_id()));
    changed.added.push_back(id);
  }
  return changed;
}

}  // namespace pgcairn::repository
