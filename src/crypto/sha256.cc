// SHA256_Init and its siblings are marked as deprecated in OpenSSL 3, in favour of EVP. They are
// used knowingly: they cannot fail, hold no allocation, and run the same assembler. EVP costs a
// lookup among all digests of the provider at its first use, 130 to 300 us, and some 200 ns for
// every further call.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/sha256.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <cstring>
#include <type_traits>

#include "crypto/secret_bytes.h"

namespace pgcairn::crypto {
namespace {

constexpr size_t kBlockBytes = SHA256_CBLOCK;
constexpr uint8_t kInnerPad = 0x36;
constexpr uint8_t kOuterPad = 0x5c;

SHA256_CTX* State(std::array<uint8_t, 112>& state) {
  static_assert(sizeof(SHA256_CTX) == 112 && alignof(SHA256_CTX) <= 8 &&
                std::is_trivially_copyable_v<SHA256_CTX>);
  return reinterpret_cast<SHA256_CTX*>(state.data());
}

}  // namespace

Sha256Digest Sha256(ByteView bytes) {
  Sha256Stream stream;
  stream.Update(bytes);
  return stream.Finish();
}

Sha256Stream::Sha256Stream() {
  state_.fill(0);
  SHA256_Init(State(state_));
}

void Sha256Stream::Update(ByteView bytes) {
  if (!bytes.empty()) SHA256_Update(State(state_), bytes.data(), bytes.size());
}

Sha256Digest Sha256Stream::Finish() const {
  Sha256Digest digest;
  Sha256Stream last = *this;
  SHA256_Final(digest.bytes.data(), State(last.state_));
  last.WipeState();
  return digest;
}

void Sha256Stream::WipeState() {
  Wipe(state_);
  SHA256_Init(State(state_));
}

HmacSha256Stream::HmacSha256Stream(ByteView key) {
  SecretArray<kBlockBytes> block;
  if (key.size() <= kBlockBytes) {
    if (!key.empty()) std::memcpy(block.span().data(), key.data(), key.size());
  } else {
    Sha256Digest hashed = Sha256(key);
    std::memcpy(block.span().data(), hashed.bytes.data(), hashed.bytes.size());
    Wipe(hashed.bytes);
  }
  for (uint8_t& byte : block.span()) byte ^= kInnerPad;
  inner_.Update(block.view());
  for (uint8_t& byte : block.span()) byte ^= kInnerPad ^ kOuterPad;
  outer_.Update(block.view());
}

HmacSha256Stream::~HmacSha256Stream() {
  inner_.WipeState();
  outer_.WipeState();
}

Sha256Digest HmacSha256Stream::Finish() const {
  Sha256Digest inner = inner_.Finish();
  Sha256Stream last = outer_;
  last.Update(inner.bytes);
  Sha256Digest mac = last.Finish();
  last.WipeState();
  Wipe(inner.bytes);
  return mac;
}

Sha256Digest HmacSha256(ByteView key, std::span<const ByteView> parts) {
  HmacSha256Stream stream(key);
  for (ByteView part : parts) stream.Update(part);
  return stream.Finish();
}

bool ConstantTimeEqual(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  return a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace pgcairn::crypto
