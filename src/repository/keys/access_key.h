// Access keys: who may open a cluster (docs/format.md, section 5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crypto/secret_bytes.h"
#include "crypto/x25519.h"
#include "format/keys.pb.h"
#include "repository/identifiers.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

using RootSecret = crypto::SecretArray<32>;

AccessKeyId IdOf(const crypto::X25519PublicKey& key);
KeyId RootIdOf(const RootSecret& root);

// A private half at hand, with its public half.
struct AccessKeyPair {
  crypto::X25519PrivateKey private_key;
  crypto::X25519PublicKey public_key;
  AccessKeyId id;

  static Result<AccessKeyPair> FromPrivate(crypto::X25519PrivateKey private_key);
  static Result<AccessKeyPair> Generate();
  AccessKeyPair Clone() const { return {{private_key.bytes.Clone()}, public_key, id}; }
};

// The line of a key file: "PGCAIRN-ACCESS-KEY-1 <id> <private half>\n".
crypto::SecretBytes EncodeKeyFile(const AccessKeyPair& pair);
// kWrongKey: the file is not such a line, or id and private half do not belong together.
Result<AccessKeyPair> DecodeKeyFile(ByteView file);

// Reads a key file of the host. Refused with kPermission and the chmod line when others than the
// owner may read it; kNotFound when it is absent.
Result<AccessKeyPair> ReadKeyFile(const std::string& path);
// Creates the file with mode 0600, durable. kAlreadyExists: never overwrites.
Status WriteKeyFile(const std::string& path, const AccessKeyPair& pair);

// What a new access key of a cluster is made from.
struct NewAccessKey {
  format::AccessKeyObject::Kind kind = format::AccessKeyObject::KEY_FILE;
  std::optional<AccessKeyPair> pair;                // KEY_FILE
  const crypto::SecretBytes* passphrase = nullptr;  // PASSPHRASE
  std::string label;
};

// Seals `root` to that key.
Result<format::AccessKeyObject> SealRoot(const RootSecret& root, uint32_t generation, Place place,
                                         NewAccessKey key);

// The same access key, sealed another root: its owner may be absent. `object` was proven by
// CheckPublicKey, or the new root would go to whoever put it there.
Result<format::AccessKeyObject> SealRootAgain(const RootSecret& root, uint32_t generation,
                                              Place place, const format::AccessKeyObject& object);
// kDamaged: the public half, generation and kind are not those that a holder of `root` put there.
Status CheckPublicKey(const RootSecret& root, const format::AccessKeyObject& object);

// Opens `object` with a private half. kWrongKey: it is not sealed to that key, or was changed.
Result<RootSecret> OpenRoot(const format::AccessKeyObject& object, const AccessKeyPair& pair,
                            const RepositoryId& repository);
// The pair that a passphrase gives for `object`; takes about half a second (scrypt).
Result<AccessKeyPair> PairFromPassphrase(const format::AccessKeyObject& object,
                                         ByteView passphrase);
// The root of an unencrypted cluster.
Result<RootSecret> PlainRoot(const format::AccessKeyObject& object);

}  // namespace pgcairn::repository
