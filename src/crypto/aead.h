// AES-256-GCM (NIST SP 800-38D): seals bytes so that they can be neither read nor changed
// unnoticed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::crypto {

inline constexpr size_t kAeadKeyBytes = 32;
inline constexpr size_t kAeadNonceBytes = 12;
inline constexpr size_t kTagBytes = 16;
// Longest plaintext of one Seal.
inline constexpr size_t kAeadPlainBytesMax = size_t{1} << 30;

// The nonce of a counter, as in docs/format.md: four zero bytes, then the counter as eight bytes,
// least significant first.
std::array<uint8_t, kAeadNonceBytes> AeadNonce(uint64_t counter);

// One key, set up once and used for many messages; about 0.2 us a call besides the bytes.
//
// Sealed form: ciphertext, as long as the plaintext, then the tag of kTagBytes.
//
// A counter must never be used for two different messages under one key: whoever holds both could
// forge more, and would learn the XOR of the two. The caller guarantees it, by a fresh key for
// every object (HKDF with a fresh random salt) and rising counters within.
//
// Not for two threads at once; any number of objects may work in parallel, on one key too. The key
// is wiped with the object. A moved-from object can only be assigned to or destroyed.
class Aead {
 public:
  // Copies the key. Aborts if libcrypto has no memory left.
  explicit Aead(std::span<const uint8_t, kAeadKeyBytes> key);
  Aead(Aead&& other) noexcept;
  Aead& operator=(Aead&& other) noexcept;
  ~Aead();

  // Writes plain.size() + kTagBytes bytes, which must be the size of `out`. In place is allowed:
  // `out` then starts at plain.data(); any other overlap is not. `associated_data` is bound, not
  // stored. Errors: kUnsupported (longer than kAeadPlainBytesMax), kFailed (libcrypto); `out` is
  // then wiped, and with it a plaintext in place.
  Status Seal(uint64_t nonce_counter, ByteView associated_data, ByteView plain,
              std::span<uint8_t> out);

  // Writes sealed.size() - kTagBytes bytes, which must be the size of `out`; in place is allowed as
  // above. Errors: kDamaged when key, counter, associated data or any sealed byte is not what Seal
  // saw (these cannot be told apart) or `sealed` is shorter than a tag; kUnsupported, kFailed as
  // above. On error `out` is wiped: bytes that failed the check never reach a caller.
  Status Open(uint64_t nonce_counter, ByteView associated_data, ByteView sealed,
              std::span<uint8_t> out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace pgcairn::crypto
