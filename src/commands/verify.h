// Proves what the repository holds: every object of the backups and of the archived WAL.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "commands/verify_report.h"
#include "config/settings.h"
#include "repository/keys/key_ring.h"
#include "storage/storage.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

struct VerifyOptions {
  enum class Scope { kAll, kBackup };
  Scope scope = Scope::kAll;
  std::string backup;  // kBackup: "latest" or an id, as ResolveBackupId understands it
  // Checks the stored bytes only: hashes and lengths of packs, reference lists, copies, and the
  // outer form of what is sealed.
  bool without_key = false;
  size_t threads = 1;
  ProgressStyle progress = ProgressStyle::kNone;
};

// Reads, keeps what it reads from being pruned by a lease where the storage takes one, changes
// nothing else, and goes on past whatever is damaged. OK says that the verification was done; the
// report says what it found. Each pack is read once. At most 8 threads; at most 256 MiB of memory
// (and what one WAL segment of more than 64 MiB needs) beside 50 bytes for each pack. Errors:
// kNotFound (no repository, cluster or backup of that name), kWrongKey, kPermission, kUnsupported,
// kRefused, kStorage.
Result<VerifyReport> Verify(const config::Settings& settings, const VerifyOptions& options);

// The same for a cluster of an opened storage.
Result<VerifyReport> VerifyStored(std::shared_ptr<storage::Storage> storage,
                                  const std::string& cluster,
                                  const repository::Credentials& credentials,
                                  const VerifyOptions& options);

}  // namespace pgcairn::commands
