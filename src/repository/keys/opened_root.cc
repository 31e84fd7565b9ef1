#include "repository/keys/opened_root.h"

#include <fmt/format.h>

#include <utility>

namespace pgcairn::repository {
namespace {

// Nothing: no key for it, which says nothing against other credentials.
using Attempt = Result<std::optional<OpenedRoot>>;
using Keys = std::vector<format::AccessKeyObject>;

Attempt OpenAttempt(const format::AccessKeyObject& object, AccessKeyPair pair,
                    const RepositoryId& repository) {
  ASSIGN_OR_RETURN(RootSecret root, OpenRoot(object, pair, repository));
  KeyId id = RootIdOf(root);
  return std::optional<OpenedRoot>(OpenedRoot{std::move(root), id, object, std::move(pair)});
}

Attempt TryPair(const Keys& keys, AccessKeyPair pair, const RepositoryId& repository) {
  Attempt attempt = std::optional<OpenedRoot>();
  for (const format::AccessKeyObject& object : keys) {
    if (object.access_key_id() != ToString(pair.id.view())) continue;
    attempt = OpenAttempt(object, pair.Clone(), repository);
    if (attempt.ok()) return attempt;
  }
  return attempt;
}

Attempt TryKeyFile(const Keys& keys, const std::string& path, const RepositoryId& repository) {
  Result<AccessKeyPair> pair = ReadKeyFile(path);
  if (!pair.ok() && pair.code() == Code::kNotFound) return std::optional<OpenedRoot>();
  RETURN_IF_ERROR(pair);
  return TryPair(keys, std::move(*pair), repository);
}

Attempt TryPassphrase(const Keys& keys, const crypto::SecretBytes& passphrase,
                      const RepositoryId& repository) {
  for (const format::AccessKeyObject& object : keys) {
    if (object.kind() != format::AccessKeyObject::PASSPHRASE) continue;
    ASSIGN_OR_RETURN(AccessKeyPair pair, PairFromPassphrase(object, passphrase.view()));
    if (object.access_key_id() != ToString(pair.id.view())) continue;
    return OpenAttempt(object, std::move(pair), repository);
  }
  return std::optional<OpenedRoot>();
}

}  // namespace

Error NoCredentialFits(const Credentials& credentials) {
  std::string tried;
  if (!credentials.key_file.empty()) tried = fmt::format("the key file {}", credentials.key_file);
  if (credentials.passphrase != nullptr) {
    tried += tried.empty() ? "the passphrase" : " and the passphrase";
  }
  if (tried.empty() && credentials.pair != nullptr) {
    tried = fmt::format("access key {}", credentials.pair->id.ToHex());
  }
  if (tried.empty()) {
    return {Code::kWrongKey, "the repository is encrypted and no key is at hand",
            "set BACKUP_ENCRYPTION_KEY, or encryption.key_file to the host key file"};
  }
  return {Code::kWrongKey, fmt::format("{} cannot open this cluster", tried),
          "the key file is missing or another cluster's, or BACKUP_ENCRYPTION_KEY is not the "
          "passphrase given at init"};
}

Attempt OpenRootWith(const Credentials& credentials, const Keys& keys,
                     const RepositoryId& repository) {
  for (const format::AccessKeyObject& object : keys) {
    if (object.kind() != format::AccessKeyObject::UNENCRYPTED) continue;
    ASSIGN_OR_RETURN(RootSecret root, PlainRoot(object));
    KeyId id = RootIdOf(root);
    return std::optional<OpenedRoot>(OpenedRoot{std::move(root), id, object, std::nullopt});
  }
  std::optional<OpenedRoot> opened;
  if (!credentials.key_file.empty()) {
    ASSIGN_OR_RETURN(opened, TryKeyFile(keys, credentials.key_file, repository));
  }
  if (!opened && credentials.pair != nullptr) {
    ASSIGN_OR_RETURN(opened, TryPair(keys, credentials.pair->Clone(), repository));
  }
  if (!opened && credentials.passphrase != nullptr) {
    ASSIGN_OR_RETURN(opened, TryPassphrase(keys, *credentials.passphrase, repository));
  }
  return opened;
}

}  // namespace pgcairn::repository
