#include "crypto/x25519.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>

#include "crypto/library_context.h"
#include "crypto/random.h"
#include "crypto/sha256.h"

namespace pgcairn::crypto {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free>;

Error Failed() {
  ERR_clear_error();
  return Error{Code::kFailed, "X25519 failed in libcrypto", {}};
}

Key Load(const X25519PrivateKey& key) {
  return Key(EVP_PKEY_new_raw_private_key_ex(LibraryContext(), "X25519", nullptr,
                                             key.bytes.view().data(), kX25519Bytes));
}

}  // namespace

Result<X25519PrivateKey> X25519PrivateKey::Generate() {
  X25519PrivateKey key;
  RETURN_IF_ERROR(FillRandom(key.bytes.span()).Context("making an X25519 key"));
  return key;
}

X25519PrivateKey X25519PrivateKey::FromSeed(std::span<const uint8_t, kX25519Bytes> seed) {
  return X25519PrivateKey{SecretArray<kX25519Bytes>(seed)};
}

Result<X25519PublicKey> PublicOf(const X25519PrivateKey& key) {
  Key loaded = Load(key);
  X25519PublicKey result;
  size_t size = result.bytes.size();
  if (!loaded || EVP_PKEY_get_raw_public_key(loaded.get(), result.bytes.data(), &size) != 1 ||
      size != result.bytes.size()) {
    return Failed();
  }
  return result;
}

Result<SecretArray<kX25519Bytes>> SharedSecret(const X25519PrivateKey& key,
                                               const X25519PublicKey& peer) {
  Key loaded = Load(key);
  Key other(EVP_PKEY_new_raw_public_key_ex(LibraryContext(), "X25519", nullptr, peer.bytes.data(),
                                           peer.bytes.size()));
  if (!loaded || !other) return Failed();
  KeyContext context(EVP_PKEY_CTX_new_from_pkey(LibraryContext(), loaded.get(), nullptr));
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1) {
    return Failed();
  }
  SecretArray<kX25519Bytes> secret;
  size_t size = secret.size();
  const int derived = EVP_PKEY_derive(context.get(), secret.span().data(), &size);
  // Whether libcrypto refuses a zero result by itself depends on its version.
  const SecretArray<kX25519Bytes> zero;
  if (derived != 1 || size != secret.size() || ConstantTimeEqual(secret.view(), zero.view())) {
    ERR_clear_error();
    return Error{Code::kDamaged, "the X25519 public key is not usable: it gives no secret", {}};
  }
  return secret;
}

}  // namespace pgcairn::crypto
