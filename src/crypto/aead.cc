#include "crypto/aead.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/library_context.h"
#include "crypto/secret_bytes.h"

namespace pgcairn::crypto {
namespace {

// Fetched once: a fetch takes a lock and looks through every cipher of the provider.
const EVP_CIPHER* Cipher() {
  static const EVP_CIPHER* const kCipher = [] {
    const EVP_CIPHER* fetched = EVP_CIPHER_fetch(LibraryContext(), "AES-256-GCM", nullptr);
    CHECK(fetched != nullptr);
    return fetched;
  }();
  return kCipher;
}

// Wipes what may be half done, and keeps libcrypto's per-thread error queue clean for libpq and
// libcurl, which read it too.
Error Refuse(std::span<uint8_t> out, Code code, std::string message) {
  Wipe(out);
  ERR_clear_error();
  return Error{code, std::move(message), {}};
}

// OpenSSL takes lengths as int; kAeadPlainBytesMax and associated data are far below.
int Length(ByteView bytes) { return static_cast<int>(bytes.size()); }

}  // namespace

std::array<uint8_t, kAeadNonceBytes> AeadNonce(uint64_t counter) {
  std::array<uint8_t, kAeadNonceBytes> nonce{};
  StoreLe(nonce.data() + 4, counter);
  return nonce;
}

struct Aead::Context {
  EVP_CIPHER_CTX* evp = EVP_CIPHER_CTX_new();
  ~Context() { EVP_CIPHER_CTX_free(evp); }

  // Everything but the tag. `out` has the size of `in`. The key schedule made by the constructor
  // serves both directions; only the nonce is new.
  bool Run(bool seal, uint64_t nonce_counter, ByteView associated_data, ByteView in, uint8_t* out) {
    const auto nonce = AeadNonce(nonce_counter);
    int written = 0;
    if (EVP_CipherInit_ex2(evp, nullptr, nullptr, nonce.data(), seal ? 1 : 0, nullptr) != 1) {
      return false;
    }
    if (!associated_data.empty() && EVP_CipherUpdate(evp, nullptr, &written, associated_data.data(),
                                                     Length(associated_data)) != 1) {
      return false;
    }
    return in.empty() || (EVP_CipherUpdate(evp, out, &written, in.data(), Length(in)) == 1 &&
                          written == Length(in));
  }
  bool Finish() {
    uint8_t none = 0;
    int written = 0;
    return EVP_CipherFinal_ex(evp, &none, &written) == 1;
  }
};

Aead::Aead(std::span<const uint8_t, kAeadKeyBytes> key) : context_(std::make_unique<Context>()) {
  CHECK(context_->evp != nullptr);
  CHECK(EVP_CipherInit_ex2(context_->evp, Cipher(), key.data(), nullptr, 1, nullptr) == 1);
}

Aead::Aead(Aead&& other) noexcept = default;
Aead& Aead::operator=(Aead&& other) noexcept = default;
Aead::~Aead() = default;

Status Aead::Seal(uint64_t nonce_counter, ByteView associated_data, ByteView plain,
                  std::span<uint8_t> out) {
  CHECK(out.size() == plain.size() + kTagBytes);
  CHECK(associated_data.size() <= kAeadPlainBytesMax);
  if (plain.size() > kAeadPlainBytesMax) {
    return Refuse(out, Code::kUnsupported, "sealing more than 1 GiB at once");
  }
  if (!context_->Run(true, nonce_counter, associated_data, plain, out.data()) ||
      !context_->Finish() ||
      EVP_CIPHER_CTX_ctrl(context_->evp, EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                          out.data() + plain.size()) != 1) {
    return Refuse(out, Code::kFailed, "AES-256-GCM failed in libcrypto");
  }
  return Status::Ok();
}

Status Aead::Open(uint64_t nonce_counter, ByteView associated_data, ByteView sealed,
                  std::span<uint8_t> out) {
  if (sealed.size() < kTagBytes) {
    return Refuse(out, Code::kDamaged, "sealed bytes are shorter than their tag");
  }
  CHECK(out.size() == sealed.size() - kTagBytes);
  CHECK(associated_data.size() <= kAeadPlainBytesMax);
  if (out.size() > kAeadPlainBytesMax) {
    return Refuse(out, Code::kUnsupported, "opening more than 1 GiB at once");
  }
  std::array<uint8_t, kTagBytes> tag;
  std::memcpy(tag.data(), sealed.data() + out.size(), kTagBytes);
  if (!context_->Run(false, nonce_counter, associated_data, sealed.first(out.size()), out.data()) ||
      EVP_CIPHER_CTX_ctrl(context_->evp, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) != 1) {
    return Refuse(out, Code::kFailed, "AES-256-GCM failed in libcrypto");
  }
  if (!context_->Finish()) {
    return Refuse(out, Code::kDamaged, "sealed bytes fail authentication");
  }
  return Status::Ok();
}

}  // namespace pgcairn::crypto
