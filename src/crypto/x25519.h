// Key agreement on Curve25519 (RFC 7748).
//
// All functions are safe from every thread. Errors of libcrypto (no memory) are kFailed.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/secret_bytes.h"
#include "util/result.h"

namespace pgcairn::crypto {

inline constexpr size_t kX25519Bytes = 32;

struct X25519PublicKey {
  std::array<uint8_t, kX25519Bytes> bytes{};

  auto operator<=>(const X25519PublicKey&) const = default;
};

// The 32 bytes as they were made; the bits that RFC 7748 fixes are set when the key is used.
struct X25519PrivateKey {
  SecretArray<kX25519Bytes> bytes;

  static Result<X25519PrivateKey> Generate();
  // Every seed is a key. The caller keeps, and wipes, the original.
  static X25519PrivateKey FromSeed(std::span<const uint8_t, kX25519Bytes> seed);
};

Result<X25519PublicKey> PublicOf(const X25519PrivateKey& key);

// Not a key yet: both public keys must go into the HKDF that makes one. Errors: kDamaged when
// `peer` is one of the points that give zero with every private key (nobody makes such a key by
// chance).
Result<SecretArray<kX25519Bytes>> SharedSecret(const X25519PrivateKey& key,
                                               const X25519PublicKey& peer);

}  // namespace pgcairn::crypto
