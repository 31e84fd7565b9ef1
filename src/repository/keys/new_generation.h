// A new root on its way into force (docs/format.md, section 5).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "format/keys.pb.h"
#include "repository/identifiers.h"
#include "repository/keys/access_key.h"
#include "repository/keys/epoch.h"
#include "repository/keys/stored_access_keys.h"
#include "repository/names.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::repository {

class NewGeneration {
 public:
  // A fresh root, past every generation in `stored`, which was listed after the epoch was read that
  // the new one will follow: so whatever of a higher generation is stored later belongs to another
  // run. kDamaged: there is no higher one.
  static Result<NewGeneration> After(const std::vector<StoredAccessKey>& stored, Place place);

  // Seals the root to a new access key, or to one that the root before was sealed to and that
  // CheckPublicKey has proven. kAlreadyExists: that access key was added before.
  Status Add(NewAccessKey key);
  Status AddAgain(const format::AccessKeyObject& key);

  // Stores the access keys, calls `before_commit`, and puts `epoch`, sealed under the root: from
  // there on the root is in force. Durable under all names when it returns OK.
  // kAlreadyExists: another run was first; nothing of this one is left. After any other
  // error the root is not in force, unless the message says that it is or that this is not known;
  // what was stored does no harm.
  Status Commit(storage::Storage& storage, const ClusterNames& names, const format::Epoch& epoch,
                const std::function<void()>& before_commit);

  uint32_t generation() const { return generation_; }
  const KeyId& root_id() const { return root_id_; }
  const std::vector<format::AccessKeyObject>& access_keys() const { return access_keys_; }

 private:
  NewGeneration(uint32_t generation, Place place) : generation_(generation), place_(place) {}
  Status Take(format::AccessKeyObject object);
  Status StoreAccessKeys(storage::Storage& storage, const ClusterNames& names);
  Status PutEpoch(storage::Storage& storage, const std::string& name, ByteView sealed);
  void Discard(storage::Storage& storage);

  uint32_t generation_;
  Place place_;
  RootSecret root_;
  KeyId root_id_;
  std::vector<format::AccessKeyObject> access_keys_;
  std::vector<std::string> written_;  // names that this run has put for certain
};

}  // namespace pgcairn::repository
