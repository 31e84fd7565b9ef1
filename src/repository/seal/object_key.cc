#include "repository/seal/object_key.h"

#include <string_view>
#include <utility>

#include "crypto/hkdf.h"
#include "crypto/random.h"

namespace pgcairn::repository {

ObjectKey::ObjectKey(std::unique_ptr<crypto::Aead> aead, KeyCheck key_check, Salt salt, Place place)
    : aead_(std::move(aead)), key_check_(key_check), salt_(salt), place_(place) {}

Result<ObjectKey> ObjectKey::Derive(ByteView key, const Salt& salt, ObjectKind kind, Place place) {
  Bytes info = ToBytes(AsBytes("pgcairn object v1"));
  info.push_back(static_cast<uint8_t>(kind));
  crypto::SecretArray<48> material;
  RETURN_IF_ERROR(crypto::HkdfSha256(key, salt.view(), info, material.span()));
  ASSIGN_OR_RETURN(KeyCheck check, KeyCheck::From(material.view().subspan(32)));
  auto aead = std::make_unique<crypto::Aead>(material.view().first<32>());
  return ObjectKey(std::move(aead), check, salt, place);
}

std::array<uint8_t, 76> ObjectKey::AssociatedData(const BlobFrame& frame) const {
  std::array<uint8_t, 76> data{};
  uint8_t* at = data.data();
  std::memcpy(at, place_.repository.bytes.data(), 16);
  std::memcpy(at + 16, place_.cluster.bytes.data(), 16);
  std::memcpy(at + 32, salt_.bytes.data(), 32);
  StoreLe<uint32_t>(at + 64, frame.ordinal);
  StoreLe<uint16_t>(at + 68, frame.codec);
  StoreLe<uint16_t>(at + 70, 0);
  StoreLe<uint32_t>(at + 72, frame.raw_length);
  return data;
}

Status ObjectKey::Seal(const BlobFrame& frame, ByteView encoded, std::span<uint8_t> out) {
  return aead_->Seal(frame.ordinal, AssociatedData(frame), encoded, out);
}

Status ObjectKey::Open(const BlobFrame& frame, ByteView stored, std::span<uint8_t> out) {
  return aead_->Open(frame.ordinal, AssociatedData(frame), stored, out);
}

Result<Salt> NewSalt() {
  Salt salt;
  RETURN_IF_ERROR(crypto::FillRandom(salt.bytes));
  return salt;
}

}  // namespace pgcairn::repository
