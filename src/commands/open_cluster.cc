#include "commands/open_cluster.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/control_file.h"
#include "repository/history_store.h"
#include "repository/repository.h"
#include "storage/local/local_storage.h"

namespace pgcairn::commands {

SettingsCredentials::SettingsCredentials(const config::Settings& settings) {
  credentials_.key_file = settings.encryption.key_file;
  if (settings.encryption.passphrase.empty()) return;
  passphrase_ = crypto::SecretBytes::CopyOf(AsBytes(settings.encryption.passphrase.Reveal()));
  credentials_.passphrase = &passphrase_;
}

Status RequireEncryptionAsSet(const config::Settings& settings, bool encrypted) {
  if (encrypted || !settings.storage.encryption_enabled) return {};
  return Error{Code::kRefused,
               fmt::format("the repository's cluster {} is not encrypted, but "
                           "storage.encryption_enabled is true",
                           settings.cluster.name),
               "set storage.encryption_enabled to false if that is meant"};
}

Result<OpenedCluster> OpenCluster(const config::Settings& settings) {
  OpenedCluster opened;
  ASSIGN_OR_RETURN(std::unique_ptr<storage::LocalStorage> local,
                   storage::LocalStorage::Open(settings.storage.local_path));
  auto counting = std::make_unique<storage::CountingStorage>(std::move(local));
  opened.requests = counting.get();
  opened.storage = std::move(counting);
  SettingsCredentials credentials(settings);
  ASSIGN_OR_RETURN(opened.cluster, repository::OpenCluster(*opened.storage, settings.cluster.name,
                                                           credentials.get()));
  RETURN_IF_ERROR(RequireEncryptionAsSet(settings, opened.cluster->keys.encrypted()));
  return opened;
}

Result<format::ClusterHistory> CurrentSystem(const repository::ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(std::vector<format::ClusterHistory> history, repository::ListHistory(cluster));
  if (history.empty()) {
    return Error{Code::kNotFound,
                 fmt::format("{} knows no PostgreSQL cluster yet", cluster.names.Root()),
                 "`pgcairn init` was interrupted: run it again while the server runs"};
  }
  return history.back();
}

Result<format::ClusterHistory> SystemHere(const repository::ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(std::vector<format::ClusterHistory> history, repository::ListHistory(cluster));
  if (history.size() > 1) {
    Result<postgres::ControlFileRead> here = postgres::ReadControlFile(".");
    for (const format::ClusterHistory& system : history) {
      if (here.ok() && system.system_identifier() == here->control.system_identifier.value) {
        return system;
      }
    }
  }
  return CurrentSystem(cluster);
}

}  // namespace pgcairn::commands
