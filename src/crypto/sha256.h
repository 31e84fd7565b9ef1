// SHA-256 (FIPS 180-4) and HMAC-SHA256 (RFC 2104).
//
// Neither can fail, and neither touches OpenSSL's providers: the first hash of a process costs
// microseconds, which counts where a process is started for each WAL segment. Streams are not for
// two threads at once; functions are safe from every thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "util/bytes.h"

namespace pgcairn::crypto {

struct Sha256Digest {
  std::array<uint8_t, 32> bytes{};

  ByteView view() const { return bytes; }
  // 64 lower-case digits.
  std::string ToHex() const { return pgcairn::ToHex(bytes); }
  // Takes a time that depends on the content: for names and hashes. A value that proves knowledge
  // of a key is compared with ConstantTimeEqual.
  auto operator<=>(const Sha256Digest&) const = default;
};

Sha256Digest Sha256(ByteView bytes);

// The hash of everything given to Update so far. A copy goes on independently.
class Sha256Stream {
 public:
  Sha256Stream();

  void Update(ByteView bytes);
  // Changes nothing: more may follow.
  Sha256Digest Finish() const;

  // Overwrites the state, for streams that have read secrets; the object is then at its start.
  void WipeState();

 private:
  // libcrypto's own state (SHA256_CTX, checked in the .cc), kept opaque here.
  alignas(8) std::array<uint8_t, 112> state_;
};

// HMAC of everything given to Update so far; any key length. A copy goes on independently, which
// saves hashing the key again. The state, from which MACs under the key could be made, is wiped.
class HmacSha256Stream {
 public:
  explicit HmacSha256Stream(ByteView key);
  HmacSha256Stream(const HmacSha256Stream&) = default;
  HmacSha256Stream& operator=(const HmacSha256Stream&) = default;
  ~HmacSha256Stream();

  void Update(ByteView bytes) { inner_.Update(bytes); }
  // Changes nothing: more may follow.
  Sha256Digest Finish() const;

 private:
  Sha256Stream inner_;
  Sha256Stream outer_;
};

// HMAC of the parts run together. Nothing marks where one part ends: the caller's parts must be of
// fixed size or carry their lengths.
Sha256Digest HmacSha256(ByteView key, std::span<const ByteView> parts);
inline Sha256Digest HmacSha256(ByteView key, std::initializer_list<ByteView> parts) {
  return HmacSha256(key, std::span<const ByteView>(parts.begin(), parts.size()));
}

// Takes the same time wherever the difference lies; different sizes are unequal at once.
bool ConstantTimeEqual(ByteView a, ByteView b);

}  // namespace pgcairn::crypto
