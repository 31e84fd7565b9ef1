#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <thread>

#include "config/connection_text.h"
#include "config/env_file.h"
#include "config/json_file.h"
#include "config/key_table.h"
#include "config/problems.h"
#include "config/settings.h"
#include "config/text_file.h"
#include "util/file.h"

namespace pgcairn::config {
namespace {

constexpr std::string_view kBackupFile = "backup.config.json";
constexpr std::string_view kRetentionFile = "retention.config.json";

// libpq's variables (PQconninfoOptions, EnvironmentOptions and the file places in fe-connect.c and
// pg_service.conf's documentation, versions 13 to 18).
constexpr std::array<std::string_view, 43> kLibpqVariables = {
    "PGAPPNAME",
    "PGCHANNELBINDING",
    "PGCLIENTENCODING",
    "PGCONNECT_TIMEOUT",
    "PGDATABASE",
    "PGDATESTYLE",
    "PGGEQO",
    "PGGSSDELEGATION",
    "PGGSSENCMODE",
    "PGGSSLIB",
    "PGHOST",
    "PGHOSTADDR",
    "PGKRBSRVNAME",
    "PGLOADBALANCEHOSTS",
    "PGLOCALEDIR",
    "PGMAXPROTOCOLVERSION",
    "PGMINPROTOCOLVERSION",
    "PGOPTIONS",
    "PGPASSFILE",
    "PGPASSWORD",
    "PGPORT",
    "PGREQUIREAUTH",
    "PGREQUIREPEER",
    "PGREQUIRESSL",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSSLCERT",
    "PGSSLCERTMODE",
    "PGSSLCOMPRESSION",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLKEY",
    "PGSSLKEYLOGFILE",
    "PGSSLMAXPROTOCOLVERSION",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMODE",
    "PGSSLNEGOTIATION",
    "PGSSLROOTCERT",
    "PGSSLSNI",
    "PGSYSCONFDIR",
    "PGTARGETSESSIONATTRS",
    "PGTZ",
    "PGUSER",
};

// Those that say where to connect to.
constexpr std::array<std::string_view, 6> kPlaceVariables = {"PGHOST", "PGHOSTADDR", "PGPORT",
                                                             "PGUSER", "PGDATABASE", "PGSERVICE"};

// A file that vanished or a broken link is a wrong configuration. kNotFound would tell `wal fetch`
// that the segment is proven absent.
Result<TextFile> ReadConfiguration(const std::string& path) {
  Result<TextFile> file = ReadTextFile(path);
  if (!file.ok() && file.code() == Code::kNotFound) {
    return Error{Code::kUsage, file.error().message, "check the link, or remove it"};
  }
  return file;
}

struct Variable {
  Secret value;
  std::string source;
};

class Loader {
 public:
  explicit Loader(const LoadOptions& options)
      : options_(options),
        backup_keys_(BackupKeys(settings_)),
        retention_keys_(RetentionKeys(settings_)) {}
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  Result<Settings> Run() {
    ASSIGN_OR_RETURN(ConfigPlace place, FindConfig(options_));
    settings_.config_file = place.config_file;
    settings_.base_directory = place.base_directory;
    SetDefaults();
    if (!settings_.config_file.empty()) RETURN_IF_ERROR(ReadFiles());
    RETURN_IF_ERROR(ReadEnvFile());
    RETURN_IF_ERROR(TakeClusterName());
    RETURN_IF_ERROR(TakeConnection());
    RETURN_IF_ERROR(TakeVariables());
    ResolvePaths();
    return std::move(settings_);
  }

 private:
  void SetDefaults() {
    settings_.encryption.key_file = "storage/encryption/host.key";
    settings_.storage.local_path = "storage/local";
    settings_.storage.log_path = "storage/logs";
    settings_.performance.jobs = std::clamp(std::thread::hardware_concurrency(), 1u, 256u);
    settings_.restore.test_directory = "/tmp";
    auto temporary = options_.environment.find("TMPDIR");
    if (temporary != options_.environment.end() && temporary->second.starts_with('/')) {
      settings_.restore.test_directory = temporary->second;
    }
  }

  Status ReadFiles() {
    RETURN_IF_ERROR(ReadJson(settings_.config_file, backup_keys_, retention_keys_, kRetentionFile));
    std::string retention = AbsolutePath(kRetentionFile, DirectoryOf(settings_.config_file));
    if (!Exists(retention)) return {};
    settings_.retention_file = retention;
    return ReadJson(retention, retention_keys_, backup_keys_, kBackupFile);
  }

  Status ReadJson(const std::string& path, const std::vector<Key>& keys,
                  const std::vector<Key>& elsewhere, std::string_view elsewhere_name) {
    ASSIGN_OR_RETURN(TextFile file, ReadConfiguration(path));
    Result<JsonValue> document = ParseJson(file.text, path);
    WipeText(file.text);
    RETURN_IF_ERROR(document.status());
    Problems problems(path);
    ApplyDocument(*document, path, keys, elsewhere, elsewhere_name, settings_.sources, problems);
    RETURN_IF_ERROR(problems.ToStatus());
    if (&keys == &backup_keys_ && ContainsPassword(settings_.cluster.connection.Reveal())) {
      return CheckPrivate(file, "a password (cluster.connection)", ::geteuid());
    }
    if (&keys == &backup_keys_ && ContainsPassword(settings_.restore.test_url.Reveal())) {
      return CheckPrivate(file, "a password (restore.test_url)", ::geteuid());
    }
    return {};
  }

  Status ReadEnvFile() {
    for (const auto& [name, value] : options_.environment) {
      variables_.insert_or_assign(name,
                                  Variable{Secret(value), fmt::format("environment {}", name)});
    }
    std::string path = AbsolutePath(".env", settings_.base_directory);
    if (!Exists(path)) return {};
    ASSIGN_OR_RETURN(TextFile file, ReadConfiguration(path));
    settings_.env_file = path;
    Result<std::vector<EnvEntry>> entries = ParseEnvFile(file.text, path);
    WipeText(file.text);
    RETURN_IF_ERROR(entries.status());
    RETURN_IF_ERROR(CheckEnvKeys(*entries, path));
    RETURN_IF_ERROR(CheckEnvSecrets(*entries, file));
    for (const EnvEntry& entry : *entries) {
      if (options_.environment.contains(entry.key)) continue;
      variables_.insert_or_assign(entry.key,
                                  Variable{entry.value, fmt::format("{}: {}", path, entry.key)});
    }
    TakeLibpqVariables();
    return {};
  }

  static Status CheckEnvSecrets(const std::vector<EnvEntry>& entries, const TextFile& file) {
    for (const EnvEntry& entry : entries) {
      bool connection = entry.key == "DATABASE_URL" || entry.key == "SUPABASE_DB_URL";
      if (connection && ContainsPassword(entry.value.Reveal())) {
        RETURN_IF_ERROR(CheckPrivate(file, fmt::format("a password ({})", entry.key), ::geteuid()));
      }
      bool secret = entry.key == "BACKUP_ENCRYPTION_KEY" || entry.key == "PGPASSWORD";
      if (secret && !entry.value.empty()) {
        RETURN_IF_ERROR(CheckPrivate(file, entry.key, ::geteuid()));
      }
    }
    return {};
  }

  void TakeLibpqVariables() {
    for (std::string_view name : kLibpqVariables) {
      const Variable* variable = Find(name);
      if (variable == nullptr || options_.environment.contains(std::string(name))) continue;
      settings_.libpq_variables.push_back({std::string(name), variable->value});
    }
  }

  // Nothing for a variable that is not set or empty.
  const Variable* Find(std::string_view name) const {
    auto variable = variables_.find(name);
    if (variable == variables_.end() || variable->second.value.empty()) return nullptr;
    return &variable->second;
  }

  Status TakeClusterName() {
    if (!options_.cluster) return {};
    std::string problem = ClusterNameProblem(*options_.cluster);
    if (!problem.empty()) {
      return Error{Code::kUsage, fmt::format("--cluster: {}", problem),
                   "name a cluster with letters, digits and . _ -"};
    }
    settings_.cluster.name = *options_.cluster;
    settings_.sources["cluster.name"] = "--cluster";
    return {};
  }

  Status TakeConnection() {
    const Variable* database = Find("DATABASE_URL");
    const Variable* supabase = Find("SUPABASE_DB_URL");
    if (database != nullptr && supabase != nullptr &&
        database->value.Reveal() != supabase->value.Reveal()) {
      return Error{Code::kUsage,
                   fmt::format("two different connections are given: {} and {}", database->source,
                               supabase->source),
                   "remove one of the two"};
    }
    const Variable* given = database != nullptr ? database : supabase;
    if (given != nullptr) {
      RETURN_IF_ERROR(ValidateConnection(given->value.Reveal()).Context(given->source));
      settings_.cluster.connection = given->value;
      settings_.sources["cluster.connection"] = given->source;
    }
    if (!settings_.cluster.connection.empty()) return {};
    for (std::string_view name : kPlaceVariables) {
      const Variable* variable = Find(name);
      if (variable == nullptr) continue;
      settings_.connection_from_libpq_environment = true;
      settings_.sources["cluster.connection"] = variable->source;
      break;
    }
    return {};
  }

  Status TakeVariables() {
    if (const Variable* path = Find("BACKUP_STORAGE_PATH")) {
      std::string problem = PathProblem(path->value.Reveal());
      if (!problem.empty()) {
        return Error{Code::kUsage, fmt::format("{}: {}", path->source, problem),
                     "write a full path, or one relative to the base folder"};
      }
      settings_.storage.local_path = std::string(path->value.Reveal());
      settings_.sources["storage.local_path"] = path->source;
    }
    if (const Variable* passphrase = Find("BACKUP_ENCRYPTION_KEY")) {
      settings_.encryption.passphrase = passphrase->value;
      settings_.sources["encryption.passphrase"] = passphrase->source;
    }
    if (const Variable* project = Find("SUPABASE_PROJECT_ID")) {
      settings_.supabase_project_id = std::string(project->value.Reveal());
      settings_.sources["SUPABASE_PROJECT_ID"] = project->source;
    }
    if (const Variable* email = Find("NOTIFICATION_EMAIL")) return TakeEmail(*email);
    return {};
  }

  Status TakeEmail(const Variable& email) {
    std::string_view rest = email.value.Reveal();
    for (bool more = true; more;) {
      size_t comma = rest.find(',');
      std::string_view address = rest.substr(0, comma);
      while (address.starts_with(' ')) address.remove_prefix(1);
      while (address.ends_with(' ')) address.remove_suffix(1);
      size_t at = address.find('@');
      bool plain = at != std::string_view::npos && at > 0 && at + 1 < address.size() &&
                   address.find('@', at + 1) == std::string_view::npos &&
                   address.find_first_of(" \t\r\n<>") == std::string_view::npos;
      if (!plain) {
        return Error{Code::kUsage,
                     fmt::format("{}: \"{}\" is not an e-mail address", email.source, address),
                     "write name@example.com, several with commas between them"};
      }
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
    }
    settings_.notification_email = std::string(email.value.Reveal());
    settings_.sources["NOTIFICATION_EMAIL"] = email.source;
    return {};
  }

  void ResolvePaths() {
    for (std::string* path : {&settings_.cluster.data_directory, &settings_.cluster.bin_dir,
                              &settings_.encryption.key_file, &settings_.storage.local_path,
                              &settings_.storage.log_path, &settings_.restore.test_directory}) {
      if (!path->empty()) *path = AbsolutePath(*path, settings_.base_directory);
    }
  }

  const LoadOptions& options_;
  Settings settings_;
  const std::vector<Key> backup_keys_;
  const std::vector<Key> retention_keys_;
  std::map<std::string, Variable, std::less<>> variables_;
};

}  // namespace

Result<Settings> Load(const LoadOptions& options) { return Loader(options).Run(); }

}  // namespace pgcairn::config
