#include "crypto/secret_bytes.h"

#include <openssl/crypto.h>

namespace pgcairn::crypto {

void Wipe(std::span<uint8_t> bytes) {
  if (!bytes.empty()) OPENSSL_cleanse(bytes.data(), bytes.size());
}

SecretBytes::SecretBytes(size_t size)
    : bytes_(size == 0 ? nullptr : std::make_unique<uint8_t[]>(size)), size_(size) {}

SecretBytes SecretBytes::CopyOf(ByteView bytes) {
  SecretBytes copy(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.bytes_.get(), bytes.data(), bytes.size());
  return copy;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Wipe(span());
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

SecretBytes::~SecretBytes() { Wipe(span()); }

}  // namespace pgcairn::crypto
