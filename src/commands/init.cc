#include "commands/init.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "commands/open_cluster.h"
#include "commands/recovery_config.h"
#include "commands/recovery_sheet.h"
#include "commands/server_check.h"
#include "config/template.h"
#include "postgres/connection.h"
#include "postgres/database_facts.h"
#include "postgres/least_privilege.h"
#include "postgres/server_facts.h"
#include "repository/history_store.h"
#include "repository/keys/access_key.h"
#include "repository/keys/create_keys.h"
#include "repository/keys/settle_keys.h"
#include "repository/names.h"
#include "repository/repository.h"
#include "storage/local/local_storage.h"
#include "storage/probe.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr char kRoleName[] = "pgcairn";

std::string QuoteJson(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// PostgreSQL runs archive_command with an almost empty environment: what only this shell's
// environment says would not hold there.
Status RefuseEnvironmentOnlyRepository(const config::Settings& settings) {
  if (!settings.SourceOf("storage.local_path").starts_with("environment ")) return {};
  return Error{Code::kUsage,
               fmt::format("the repository {} is named by this shell's environment only, and "
                           "archive_command would not see it",
                           settings.storage.local_path),
               fmt::format("set storage.local_path in {}, or BACKUP_STORAGE_PATH in {}/.env",
                           settings.config_file, settings.base_directory)};
}

std::string NewConfiguration(const config::Settings& settings) {
  std::string text = config::ConfigTemplate(settings.cluster.name);
  constexpr std::string_view kDefault = "\"./storage/local\"";
  size_t at = text.find(kDefault);
  CHECK(at != std::string::npos);
  if (!settings.IsSet("storage.local_path")) return text;
  return text.replace(at, kDefault.size(), QuoteJson(settings.storage.local_path));
}

Status WriteConfiguration(config::Settings& settings, const InitOptions& options,
                          InitReport& report) {
  if (!settings.config_file.empty()) return RefuseEnvironmentOnlyRepository(settings);
  std::string directory = DirectoryOf(options.new_config_file);
  RETURN_IF_ERROR(MakeDirectories(directory));
  std::string retention = directory + "/retention.config.json";
  if (!Exists(retention)) {
    RETURN_IF_ERROR(WriteFileDurably(retention, AsBytes(config::RetentionTemplate())));
    report.files_created.push_back(retention);
  }
  RETURN_IF_ERROR(WriteFileDurably(options.new_config_file, AsBytes(NewConfiguration(settings))));
  report.files_created.push_back(options.new_config_file);
  settings.config_file = options.new_config_file;
  return {};
}

// The host's key: the one that is there, or a new one.
Result<repository::AccessKeyPair> HostKey(const std::string& path, InitReport& report) {
  Result<repository::AccessKeyPair> there = repository::ReadKeyFile(path);
  if (there.ok() || there.code() != Code::kNotFound) return there;
  ASSIGN_OR_RETURN(repository::AccessKeyPair pair, repository::AccessKeyPair::Generate());
  RETURN_IF_ERROR(repository::WriteKeyFile(path, pair));
  report.files_created.push_back(path);
  return pair;
}

std::string SheetFor(const config::Settings& settings, const InitReport& report,
                     const repository::RepositoryId& repository,
                     const std::optional<repository::AccessKeyPair>& recovery) {
  SheetFacts facts{
      settings.storage.local_path, repository,
      settings.cluster.name,       report.server_major,
      report.system_identifier,    settings.cluster.method == config::Method::kLogical};
  return report.encrypted ? RecoverySheet(facts, recovery) : RecoverySheetWithoutKey(facts);
}

// Keys for a new cluster: the host's file, and the passphrase or a recovery key as a second way in.
Status CreateClusterKeys(const config::Settings& settings, storage::Storage& storage,
                         const repository::ClusterNames& names,
                         const repository::RepositoryId& repository, const InitOptions& options,
                         InitReport& report) {
  std::vector<repository::NewAccessKey> keys;
  std::optional<repository::AccessKeyPair> recovery;
  crypto::SecretBytes passphrase;
  report.encrypted = settings.storage.encryption_enabled;
  if (!report.encrypted) {
    keys.push_back({format::AccessKeyObject::UNENCRYPTED, std::nullopt, nullptr, "unencrypted"});
  } else {
    ASSIGN_OR_RETURN(repository::AccessKeyPair host, HostKey(settings.encryption.key_file, report));
    keys.push_back({format::AccessKeyObject::KEY_FILE, std::move(host), nullptr, "host key file"});
    if (!settings.encryption.passphrase.empty()) {
      passphrase = crypto::SecretBytes::CopyOf(AsBytes(settings.encryption.passphrase.Reveal()));
      keys.push_back(
          {format::AccessKeyObject::PASSPHRASE, std::nullopt, &passphrase, "passphrase"});
    } else {
      ASSIGN_OR_RETURN(recovery, repository::AccessKeyPair::Generate());
      keys.push_back(
          {format::AccessKeyObject::KEY_FILE, recovery->Clone(), nullptr, "recovery sheet"});
    }
  }
  RETURN_IF_ERROR(repository::CreateKeys(storage, names, repository, std::move(keys), [&] {
    options.show_recovery_sheet(SheetFor(settings, report, repository, recovery));
  }));
  report.cluster_created = true;
  return {};
}

Result<bool> ClusterExists(storage::Storage& storage, const repository::ClusterNames& names) {
  ASSIGN_OR_RETURN(storage::Listing epochs, storage.List(names.Epochs()));
  return !epochs.objects.empty();
}

Status ShowServerSettings(const config::Settings& settings, const postgres::ServerFacts& facts,
                          InitReport& report) {
  ASSIGN_OR_RETURN(std::string command, WalCommand(settings, "push %p"));
  report.restart_needed = facts.archive_mode == "off" || facts.wal_level == "minimal";
  if (facts.wal_level == "minimal") report.postgresql_conf.emplace_back("wal_level = replica");
  report.postgresql_conf.emplace_back("archive_mode = on");
  report.postgresql_conf.push_back("archive_command = " + QuoteSetting(command));
  std::string timeout =
      facts.archive_timeout_s > 0 ? std::to_string(facts.archive_timeout_s) : "60";
  report.postgresql_conf.push_back(fmt::format(
      "archive_timeout = {}  # seconds of work that may be lost with the host", timeout));
  report.least_privilege_sql = postgres::LeastPrivilegeSql(facts.major, kRoleName);
  return {};
}

// What init has to know of the server, and what it says of it.
struct Server {
  uint64_t system_identifier = 0;
  int version_num = 0;
  uint64_t wal_segment_size = 0;
  // Of one whose files are backed up.
  std::optional<postgres::ServerFacts> physical;
};

Result<Server> ConnectAndProve(const config::Settings& settings) {
  ASSIGN_OR_RETURN(postgres::Connection connection, Connect(settings));
  if (settings.cluster.method == config::Method::kLogical) {
    ASSIGN_OR_RETURN(postgres::DatabaseFacts facts, postgres::ReadDatabaseFacts(connection));
    return Server{facts.system_identifier.value, facts.version_num, facts.wal_segment_size, {}};
  }
  ASSIGN_OR_RETURN(postgres::ServerFacts facts, postgres::ReadServerFacts(connection));
  RETURN_IF_ERROR(ProveDataDirectory(settings, facts));
  return Server{facts.system_identifier.value, facts.version_num, facts.wal_segment_size, facts};
}

}  // namespace

Result<InitReport> Init(config::Settings settings, const InitOptions& options) {
  InitReport report;
  ASSIGN_OR_RETURN(Server server, ConnectAndProve(settings));
  report.system_identifier = server.system_identifier;
  report.server_major = server.version_num / 10000;
  report.repository = settings.storage.local_path;
  report.cluster = settings.cluster.name;
  report.key_file = settings.encryption.key_file;
  RETURN_IF_ERROR(WriteConfiguration(settings, options, report));
  report.config_file = settings.config_file;

  report.repository_created =
      !Exists(settings.storage.local_path + "/" + std::string(repository::kIdentityName));
  ASSIGN_OR_RETURN(std::unique_ptr<storage::LocalStorage> storage,
                   storage::LocalStorage::Create(settings.storage.local_path));
  RETURN_IF_ERROR(storage::ProbeAbilities(*storage));
  ASSIGN_OR_RETURN(repository::RepositoryId repository, repository::CreateRepository(*storage));
  repository::ClusterNames names(settings.cluster.name);
  ASSIGN_OR_RETURN(bool exists, ClusterExists(*storage, names));
  if (!exists) {
    RETURN_IF_ERROR(CreateClusterKeys(settings, *storage, names, repository, options, report));
  }
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  const repository::KeyRing& keys = opened.cluster->keys;
  RETURN_IF_ERROR(
      repository::SettleKeys(*storage, names, keys.root_id(), keys.generation(), keys.epoch()));
  report.encrypted = opened.cluster->keys.encrypted();
  ASSIGN_OR_RETURN(std::vector<format::ClusterHistory> history,
                   repository::ListHistory(*opened.cluster));
  if (history.empty() || options.new_system) {
    RETURN_IF_ERROR(repository::RegisterSystem(*opened.cluster, server.system_identifier,
                                               static_cast<uint32_t>(server.version_num),
                                               server.wal_segment_size));
  }
  RETURN_IF_ERROR(repository::RequireSystem(*opened.cluster, server.system_identifier));
  if (server.physical) RETURN_IF_ERROR(ShowServerSettings(settings, *server.physical, report));
  return report;
}

}  // namespace pgcairn::commands
