// Who can open a cluster.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "format/keys.pb.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::commands {

struct ListedKey {
  std::string id;
  std::string kind;  // "key_file", "passphrase" or "unencrypted"
  std::string label;
  Timestamp created;
  bool opened_with = false;  // by this command
  std::string problem;       // why it opens nothing, or whether it is to be trusted; empty: none
};

struct RemovedKey {
  std::string id;
  std::string kind;
  std::string label;
  Timestamp created;
  Timestamp removed;
};

struct KeyListing {
  std::string cluster;
  bool encrypted = true;
  uint32_t generation = 0;
  uint32_t epoch = 0;
  std::vector<ListedKey> keys;
  std::vector<RemovedKey> removed;
  // Access keys of roots that are not in force, which an interrupted run left.
  uint64_t leftovers = 0;
  // Only a key can tell these; without one `not_opened` says why.
  std::optional<Timestamp> epoch_began;
  std::string opened_with;  // empty for an unencrypted cluster, too
  std::string not_opened;
};

// Works without a key: what it lists stands in the open. Errors: kNotFound (no such repository or
// cluster), kDamaged, kStorage, kPermission.
Result<KeyListing> ListKeys(const config::Settings& settings);

std::string NameOfKind(format::AccessKeyObject::Kind kind);

}  // namespace pgcairn::commands
