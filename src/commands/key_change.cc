#include "commands/key_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "commands/open_cluster.h"
#include "commands/recovery_sheet.h"
#include "repository/keys/key_change.h"
#include "repository/keys/opened_keys.h"
#include "repository/keys/settle_keys.h"
#include "repository/repository.h"
#include "storage/local/local_storage.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

using repository::AccessKeyId;

constexpr size_t kLabelBytesMax = 200;
constexpr size_t kIdDigitsMin = 4;

struct OpenedForChange {
  std::unique_ptr<storage::Storage> storage;
  repository::ClusterNames names;
  repository::OpenedKeys keys;
};

// Opens the cluster, and ends what a run left that was interrupted.
Result<OpenedForChange> OpenForChange(const config::Settings& settings) {
  ASSIGN_OR_RETURN(std::unique_ptr<storage::LocalStorage> storage,
                   storage::LocalStorage::Open(settings.storage.local_path));
  ASSIGN_OR_RETURN(repository::RepositoryId repository, repository::OpenRepository(*storage));
  repository::ClusterNames names(settings.cluster.name);
  SettingsCredentials credentials(settings);
  ASSIGN_OR_RETURN(repository::OpenedKeys keys,
                   repository::OpenKeys(*storage, names, repository, credentials.get()));
  const format::AccessKeyObject& with = keys.root.object;
  if (with.kind() == format::AccessKeyObject::UNENCRYPTED) {
    return Error{Code::kRefused,
                 fmt::format("the cluster {} is not encrypted: it has no keys to change",
                             settings.cluster.name),
                 "to encrypt, run `pgcairn init` for a new repository or cluster with "
                 "storage.encryption_enabled true"};
  }
  RETURN_IF_ERROR(repository::SettleKeys(*storage, names, keys.root.id, with.generation(),
                                         keys.epoch->number()));
  return OpenedForChange{std::move(storage), std::move(names), std::move(keys)};
}

Result<KeyChangeReport> Change(
    const config::Settings& settings, OpenedForChange& opened, repository::KeyChange change,
    const std::function<void()>& before_commit = [] {}) {
  KeyChangeReport report;
  report.cluster = settings.cluster.name;
  for (const AccessKeyId& id : change.remove) report.removed.push_back(id.ToHex());
  ASSIGN_OR_RETURN(repository::ChangedKeys changed,
                   repository::ChangeKeys(*opened.storage, opened.names, opened.keys,
                                          std::move(change), before_commit));
  report.generation = changed.generation;
  report.epoch = changed.epoch;
  for (const AccessKeyId& id : changed.added) report.added.push_back(id.ToHex());
  for (const format::AccessKeyObject& key : changed.access_keys) {
    report.keys.push_back(ToHex(AsBytes(key.access_key_id())));
  }
  return report;
}

Status CheckLabel(const std::string& label) {
  bool clean = label.size() <= kLabelBytesMax;
  for (char c : label) clean &= static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  if (clean) return {};
  return Error{Code::kUsage, "the label is too long or holds control characters",
               fmt::format("give at most {} bytes of text; anybody who sees the repository can "
                           "read it",
                           kLabelBytesMax)};
}

Status RefuseInside(const std::string& repository, const std::string& path) {
  if (!path.starts_with(repository + "/")) return {};
  return Error{Code::kRefused, fmt::format("the key file {} would lie inside the repository", path),
               "keep keys apart from what they open: name another place"};
}

Result<repository::AccessKeyPair> KeyFor(const std::string& path, KeyChangeReport& report) {
  report.key_file = path;
  Result<repository::AccessKeyPair> there = repository::ReadKeyFile(path);
  // One that is there was made by a run that was interrupted, or elsewhere.
  if (there.ok() || there.code() != Code::kNotFound) return there;
  ASSIGN_OR_RETURN(repository::AccessKeyPair pair, repository::AccessKeyPair::Generate());
  RETURN_IF_ERROR(repository::WriteKeyFile(path, pair));
  report.key_file_created = true;
  return pair;
}

crypto::SecretBytes ToBytesOf(const config::Secret& secret) {
  return crypto::SecretBytes::CopyOf(AsBytes(secret.Reveal()));
}

// The sheet names the server, as far as the repository knows it.
Result<SheetFacts> SheetFactsOf(const config::Settings& settings) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(format::ClusterHistory system, CurrentSystem(*opened.cluster));
  return SheetFacts{
      settings.storage.local_path, opened.cluster->place.repository,
      settings.cluster.name,       static_cast<int>(system.server_version_num() / 10000),
      system.system_identifier(),  settings.cluster.method == config::Method::kLogical};
}

std::vector<AccessKeyId> IdsOf(const repository::AccessKeys& keys) {
  std::vector<AccessKeyId> ids;
  for (const format::AccessKeyObject& key : keys.readable) {
    Result<AccessKeyId> id = AccessKeyId::From(key.access_key_id());
    if (id.ok()) ids.push_back(*id);
  }
  for (const repository::DamagedAccessKey& key : keys.damaged) ids.push_back(key.id);
  return ids;
}

Result<AccessKeyId> Resolve(const std::string& digits, const repository::AccessKeys& keys) {
  std::optional<AccessKeyId> found;
  for (const AccessKeyId& id : IdsOf(keys)) {
    if (digits.size() < kIdDigitsMin || !id.ToHex().starts_with(digits)) continue;
    if (found && *found != id) {
      return Error{Code::kUsage, fmt::format("more than one access key begins with {}", digits),
                   "give more digits"};
    }
    found = id;
  }
  if (found) return *found;
  return Error{Code::kNotFound, fmt::format("this cluster has no access key {}", digits),
               "`pgcairn key list` names them; at least four digits of the id are needed"};
}

// The passphrase that a new one takes the place of.
Result<AccessKeyId> ReplacedPassphrase(const repository::OpenedKeys& keys,
                                       const std::string& wanted) {
  std::vector<AccessKeyId> passphrases;
  for (const format::AccessKeyObject& key : keys.access_keys.readable) {
    if (key.kind() != format::AccessKeyObject::PASSPHRASE) continue;
    ASSIGN_OR_RETURN(AccessKeyId id, AccessKeyId::From(key.access_key_id()));
    passphrases.push_back(id);
    if (wanted.empty() && key.access_key_id() == keys.root.object.access_key_id()) return id;
  }
  if (!wanted.empty()) {
    ASSIGN_OR_RETURN(AccessKeyId id, Resolve(wanted, keys.access_keys));
    for (const AccessKeyId& passphrase : passphrases) {
      if (passphrase == id) return id;
    }
    return Error{Code::kUsage, fmt::format("access key {} is no passphrase", id.ToHex()),
                 "`pgcairn key list` names the kinds"};
  }
  if (passphrases.size() == 1) return passphrases.front();
  if (passphrases.empty()) {
    return Error{Code::kUsage, "this cluster has no passphrase that a new one could replace",
                 "`pgcairn key add --passphrase` adds one"};
  }
  return Error{Code::kUsage, "this cluster has more than one passphrase",
               "name the one to be replaced with --replace=ID"};
}

std::string LabelOf(const repository::OpenedKeys& keys, const AccessKeyId& id) {
  for (const format::AccessKeyObject& key : keys.access_keys.readable) {
    if (key.access_key_id() == ToString(id.view())) return key.label();
  }
  return "passphrase";
}

}  // namespace

Result<KeyChangeReport> AddKey(const config::Settings& settings, const KeyAddOptions& options) {
  RETURN_IF_ERROR(CheckLabel(options.label));
  ASSIGN_OR_RETURN(OpenedForChange opened, OpenForChange(settings));
  KeyChangeReport made;
  crypto::SecretBytes passphrase;
  std::string sheet;
  repository::NewAccessKey key;
  if (!options.key_file.empty()) {
    RETURN_IF_ERROR(RefuseInside(settings.storage.local_path, options.key_file));
    ASSIGN_OR_RETURN(key.pair, KeyFor(options.key_file, made));
    key.label = "key file";
  } else if (options.recovery_sheet) {
    ASSIGN_OR_RETURN(SheetFacts facts, SheetFactsOf(settings));
    ASSIGN_OR_RETURN(key.pair, repository::AccessKeyPair::Generate());
    sheet = RecoverySheet(facts, key.pair);
    key.label = "recovery sheet";
  } else {
    passphrase = ToBytesOf(options.passphrase);
    key.kind = format::AccessKeyObject::PASSPHRASE;
    key.passphrase = &passphrase;
    key.label = "passphrase";
  }
  if (!options.label.empty()) key.label = options.label;
  repository::KeyChange change;
  change.add.push_back(std::move(key));
  ASSIGN_OR_RETURN(KeyChangeReport report, Change(settings, opened, std::move(change), [&] {
                     if (!sheet.empty()) options.show_recovery_sheet(sheet);
                   }));
  config::WipeText(sheet);
  report.key_file = made.key_file;
  report.key_file_created = made.key_file_created;
  return report;
}

Result<KeyChangeReport> RemoveKeys(const config::Settings& settings,
                                   const std::vector<std::string>& ids, bool even_mine) {
  ASSIGN_OR_RETURN(OpenedForChange opened, OpenForChange(settings));
  repository::KeyChange change;
  for (const std::string& digits : ids) {
    ASSIGN_OR_RETURN(AccessKeyId id, Resolve(digits, opened.keys.access_keys));
    const bool mine = ToString(id.view()) == opened.keys.root.object.access_key_id();
    const bool only = IdsOf(opened.keys.access_keys).size() == 1;
    if (mine && !even_mine && !only) {
      return Error{
          Code::kRefused,
          fmt::format("access key {} is the one that this host opens the cluster with", id.ToHex()),
          "run this on another host; or, if this one is to be shut out, with --even-mine"};
    }
    if (std::ranges::find(change.remove, id) == change.remove.end()) change.remove.push_back(id);
  }
  return Change(settings, opened, std::move(change));
}

Result<KeyChangeReport> RotateKeys(const config::Settings& settings,
                                   const KeyRotateOptions& options) {
  ASSIGN_OR_RETURN(OpenedForChange opened, OpenForChange(settings));
  repository::KeyChange change;
  crypto::SecretBytes passphrase;
  if (!options.passphrase.empty()) {
    ASSIGN_OR_RETURN(AccessKeyId replaced, ReplacedPassphrase(opened.keys, options.replaced));
    passphrase = ToBytesOf(options.passphrase);
    change.add.push_back({format::AccessKeyObject::PASSPHRASE, std::nullopt, &passphrase,
                          LabelOf(opened.keys, replaced)});
    change.remove.push_back(replaced);
  }
  return Change(settings, opened, std::move(change));
}

}  // namespace pgcairn::commands
