#include "crypto/content_mac.h"

#include <openssl/evp.h>

#include <span>

#include "crypto/aead.h"
#include "crypto/library_context.h"
#include "util/result.h"

namespace pgcairn::crypto {
namespace {

static_assert(kContentMacKeyBytes == 2 * kAeadKeyBytes);

const EVP_CIPHER* BlockCipher() {
  static const EVP_CIPHER* const kCipher = [] {
    const EVP_CIPHER* fetched = EVP_CIPHER_fetch(LibraryContext(), "AES-256-ECB", nullptr);
    CHECK(fetched != nullptr);
    return fetched;
  }();
  return kCipher;
}

}  // namespace

struct ContentMac::Context {
  explicit Context(ByteView key) : tags(key.first<kAeadKeyBytes>()) {
    CHECK(block != nullptr && EVP_EncryptInit_ex2(block, BlockCipher(), key.data() + kAeadKeyBytes,
                                                  nullptr, nullptr) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(block, 0) == 1);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_CIPHER_CTX_free(block); }

  Aead tags;
  EVP_CIPHER_CTX* const block = EVP_CIPHER_CTX_new();
};

ContentMac::ContentMac(ByteView key) {
  CHECK(key.size() == kContentMacKeyBytes);
  context_ = std::make_unique<Context>(key);
}

ContentMac::~ContentMac() = default;

std::array<uint8_t, kContentMacBytes> ContentMac::Of(ByteView content) {
  static_assert(kContentMacBytes == kTagBytes);
  std::array<uint8_t, kTagBytes> tag;
  // One nonce for everything, which is safe as no tag is shown to anybody.
  CHECK(context_->tags.Seal(0, content, {}, tag).ok());
  std::array<uint8_t, kContentMacBytes> mac;
  int written = 0;
  CHECK(EVP_EncryptUpdate(context_->block, mac.data(), &written, tag.data(),
                          static_cast<int>(tag.size())) == 1 &&
        written == static_cast<int>(mac.size()));
  return mac;
}

}  // namespace pgcairn::crypto
