// From settings to an opened repository.
#pragma once

#include <memory>
#include <string>

#include "config/settings.h"
#include "crypto/secret_bytes.h"
#include "repository/cluster_access.h"
#include "storage/counting/counting_storage.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::commands {

// `cluster` refers to `storage`, and `requests` to a part of it: move all or none.
struct OpenedCluster {
  std::unique_ptr<storage::Storage> storage;
  const storage::CountingStorage* requests = nullptr;  // counts what `cluster` asks for
  std::unique_ptr<repository::ClusterAccess> cluster;
};

// What the settings hold to open a cluster with. A credential refers to it: neither copied nor
// moved.
class SettingsCredentials {
 public:
  explicit SettingsCredentials(const config::Settings& settings);
  SettingsCredentials(const SettingsCredentials&) = delete;
  SettingsCredentials& operator=(const SettingsCredentials&) = delete;
  const repository::Credentials& get() const { return credentials_; }

 private:
  crypto::SecretBytes passphrase_;
  repository::Credentials credentials_;
};

// kRefused for a cluster that is not encrypted although the settings say that it is: whoever can
// write to the storage could put an unsealed root there and read, or have written, all that
// follows.
Status RequireEncryptionAsSet(const config::Settings& settings, bool encrypted);

// kNotFound: no repository or cluster there, with the hint to run init. kWrongKey, kPermission.
// kRefused: the cluster is not encrypted although the settings say that it is.
Result<OpenedCluster> OpenCluster(const config::Settings& settings);

// The one PostgreSQL cluster that the repository's cluster is now: the newest of its history.
// kNotFound when none was registered.
Result<format::ClusterHistory> CurrentSystem(const repository::ClusterAccess& cluster);
// That of the data directory which the command runs in, as PostgreSQL runs archive_command and
// restore_command: a backup from before pg_upgrade recovers with the WAL of its own time.
// Elsewhere, and where the repository does not know it, the current one.
Result<format::ClusterHistory> SystemHere(const repository::ClusterAccess& cluster);

}  // namespace pgcairn::commands
