// What a person keeps on paper to restore with when the host is lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/settings.h"
#include "repository/identifiers.h"
#include "repository/keys/access_key.h"

namespace pgcairn::commands {

struct SheetFacts {
  std::string repository_path;
  repository::RepositoryId repository;
  std::string cluster;
  int server_major = 0;
  uint64_t system_identifier = 0;
  bool logical = false;  // backups are restored into a database
};

// With the recovery key, a secret; without one, with a line to write the passphrase on.
std::string RecoverySheet(const SheetFacts& facts,
                          const std::optional<repository::AccessKeyPair>& recovery);
// For a repository that is not encrypted.
std::string RecoverySheetWithoutKey(const SheetFacts& facts);

}  // namespace pgcairn::commands
