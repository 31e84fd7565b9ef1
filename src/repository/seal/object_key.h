// From a key and a salt to the cipher of one object (docs/format.md, sections 2 and 3).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "crypto/aead.h"
#include "crypto/secret_bytes.h"
#include "repository/header.h"
#include "repository/identifiers.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// How one blob is encoded and where it counts in its object.
struct BlobFrame {
  uint32_t ordinal = 0;
  uint16_t codec = 0;
  uint32_t raw_length = 0;
};

inline constexpr size_t kSealBytes = 16;

// Seals and opens the blobs of one object. Not for two threads at once.
class ObjectKey {
 public:
  // `key` is the root (epochs) or a data key, 32 bytes.
  static Result<ObjectKey> Derive(ByteView key, const Salt& salt, ObjectKind kind, Place place);

  const KeyCheck& key_check() const { return key_check_; }

  // `out` has encoded.size() + kSealBytes bytes; it may begin where `encoded` does.
  Status Seal(const BlobFrame& frame, ByteView encoded, std::span<uint8_t> out);
  // `out` has stored.size() - kSealBytes bytes. kDamaged: not the bytes that were sealed so.
  Status Open(const BlobFrame& frame, ByteView stored, std::span<uint8_t> out);

 private:
  ObjectKey(std::unique_ptr<crypto::Aead> aead, KeyCheck key_check, Salt salt, Place place);
  std::array<uint8_t, 76> AssociatedData(const BlobFrame& frame) const;

  std::unique_ptr<crypto::Aead> aead_;
  KeyCheck key_check_;
  Salt salt_;
  Place place_;
};

Result<Salt> NewSalt();

}  // namespace pgcairn::repository
