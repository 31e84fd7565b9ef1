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
  // kNew: what the run of one backup stored is read and proven; of what earlier backups stored for
  // it, that it is there with its length. No WAL, for a backup proves what it needs.
  enum class Scope { kAll, kBackup, kNew };
  Scope scope = Scope::kAll;
  // kBackup, kNew: "latest" or an id, as ResolveBackupWithRows understands it; without_key "latest"
  // is the newest of all.
  std::string backup;
  // Checks the stored bytes only: hashes and lengths of packs, reference lists, copies, and the
  // outer form of what is sealed. Not with kNew: what is new only the manifest tells.
  bool without_key = false;
  size_t threads = 1;
  ProgressStyle progress = ProgressStyle::kNone;
};

// Reads, and goes on past whatever is damaged; a lease keeps what it reads from being pruned, where
// the storage takes one. Otherwise it writes to damaged/, where packs that are proven missing or
// damaged are recorded, and those that are good again no longer, and with a key notes on good
// backups that were not verified before. A storage that cannot be written to is a warning. OK says
// that the verification was done; the report says what it found. Each pack is read once, and once
// more when it is bad or was recorded. At most 8 threads; at most 256 MiB of memory (and what one
// WAL segment of more than 64 MiB needs) beside 50 bytes for each pack and 200 bytes for every 32
// MiB of the largest backup. Errors: kNotFound (no repository, cluster or backup of that name),
// kWrongKey, kPermission, kUnsupported, kRefused, kStorage, kUsage.
Result<VerifyReport> Verify(const config::Settings& settings, const VerifyOptions& options);

// The same for a cluster of an opened storage.
Result<VerifyReport> VerifyStored(std::shared_ptr<storage::Storage> storage,
                                  const std::string& cluster,
                                  const repository::Credentials& credentials,
                                  const VerifyOptions& options);

}  // namespace pgcairn::commands
