// From what is at hand to the root of a cluster (docs/format.md, section 5).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/secret_bytes.h"
#include "format/keys.pb.h"
#include "repository/identifiers.h"
#include "repository/keys/access_key.h"
#include "repository/keys/stored_access_keys.h"
#include "util/result.h"

namespace pgcairn::repository {

// What the caller can open a cluster with. They are tried in this order: the passphrase costs half
// a second.
struct Credentials {
  std::string key_file;                             // path, or empty
  const crypto::SecretBytes* passphrase = nullptr;  // owned by the caller, or null
  const AccessKeyPair* pair = nullptr;              // owned by the caller, or null
};

struct OpenedRoot {
  RootSecret root;
  KeyId id;
  format::AccessKeyObject object;     // that it was sealed in
  std::optional<AccessKeyPair> pair;  // that opened it; none for an unencrypted cluster
};

// Nothing: none of the credentials belongs to one of `keys`. kWrongKey, kDamaged: one does, but
// what is sealed there does not open or is damaged. kPermission: others can read the key file.
Result<std::optional<OpenedRoot>> OpenRootWith(const Credentials& credentials,
                                               const std::vector<format::AccessKeyObject>& keys,
                                               const RepositoryId& repository);
// The error for nothing, which says what was tried.
Error NoCredentialFits(const Credentials& credentials);

}  // namespace pgcairn::repository
