// Memory for keys and passphrases that is wiped before it is given back.
//
// Nothing here locks pages in memory: swap is the host's to encrypt (docs/threat-model.md).
// Not for two threads at once. Comparison goes through ConstantTimeEqual (sha256.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "util/bytes.h"

namespace pgcairn::crypto {

// Overwrites with zeros in a way that no optimiser drops.
void Wipe(std::span<uint8_t> bytes);

// A heap buffer of fixed size, wiped when destroyed or assigned to. It never grows, because growing
// would leave a copy behind. A moved-from object is empty; Clone() is the only way to copy.
class SecretBytes {
 public:
  SecretBytes() = default;
  // `size` zero bytes, to be filled through span().
  explicit SecretBytes(size_t size);
  // The caller keeps, and wipes, the original.
  static SecretBytes CopyOf(ByteView bytes);

  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  SecretBytes Clone() const { return CopyOf(view()); }
  // Both stay valid until the object is moved from, assigned to or destroyed.
  ByteView view() const { return {bytes_.get(), size_}; }
  std::span<uint8_t> span() { return {bytes_.get(), size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
};

// N bytes held in the object itself, zero at first. A moved-from object is wiped and all zero.
template <size_t N>
class SecretArray {
 public:
  SecretArray() = default;
  // The caller keeps, and wipes, the original.
  explicit SecretArray(std::span<const uint8_t, N> bytes) {
    std::memcpy(bytes_.data(), bytes.data(), N);
  }
  SecretArray(SecretArray&& other) noexcept : SecretArray(other.view()) { Wipe(other.bytes_); }
  SecretArray& operator=(SecretArray&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      Wipe(other.bytes_);
    }
    return *this;
  }
  SecretArray(const SecretArray&) = delete;
  SecretArray& operator=(const SecretArray&) = delete;
  ~SecretArray() { Wipe(bytes_); }

  SecretArray Clone() const { return SecretArray(view()); }
  std::span<const uint8_t, N> view() const { return bytes_; }
  std::span<uint8_t, N> span() { return bytes_; }
  static constexpr size_t size() { return N; }

 private:
  std::array<uint8_t, N> bytes_{};
};

}  // namespace pgcairn::crypto
