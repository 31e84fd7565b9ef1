#include "repository/pack/pack_builder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "crypto/sha256.h"

namespace pgcairn::repository {

Result<PackBuilder> PackBuilder::Begin(ObjectKind kind, const SealingKey& key, Place place,
                                       Encoder* encoder) {
  ObjectHeader header;
  header.kind = kind;
  header.sealed = true;
  header.key_id = key.id;
  ASSIGN_OR_RETURN(header.salt, NewSalt());
  ASSIGN_OR_RETURN(ObjectKey object_key, ObjectKey::Derive(key.key, header.salt, kind, place));
  header.key_check = object_key.key_check();
  return PackBuilder(header, std::move(object_key), encoder);
}

PackBuilder::PackBuilder(ObjectHeader header, ObjectKey key, Encoder* encoder)
    : header_(header), key_(std::move(key)), encoder_(encoder) {
  Grow(kPackBytesTarget + size_t{2} * kDataBlobRawBytesMax);
  Bytes encoded = EncodeHeader(header_);
  std::memcpy(buffer_.get(), encoded.data(), encoded.size());
  used_ = encoded.size();
}

void PackBuilder::Grow(size_t capacity) {
  // Not value-initialised: a pack is written from front to back and never read beyond `used_`.
  auto larger = std::make_unique_for_overwrite<uint8_t[]>(capacity);
  if (used_ > 0) std::memcpy(larger.get(), buffer_.get(), used_);
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

bool PackBuilder::HasRoom(size_t raw_bytes) const {
  return blobs_ == 0 || (blobs_ < kPackBlobsMax && used_ + raw_bytes / 2 < kPackBytesTarget &&
                         used_ + raw_bytes < kPackBytesMax / 2);
}

Result<BlobLocation> PackBuilder::Add(ByteView raw) {
  size_t needed = used_ + Encoder::EncodedSizeMax(raw.size()) + kSealBytes;
  if (needed > capacity_) Grow(needed);
  std::span<uint8_t> room(buffer_.get() + used_, capacity_ - used_);
  ASSIGN_OR_RETURN(Encoder::Encoded encoded, encoder_->Encode(raw, room));
  BlobLocation location;
  location.offset = static_cast<uint32_t>(used_);
  location.stored_length = static_cast<uint32_t>(encoded.size + kSealBytes);
  location.raw_length = static_cast<uint32_t>(raw.size());
  location.ordinal = blobs_;
  location.codec = encoded.codec;
  BlobFrame frame{location.ordinal, location.codec, location.raw_length};
  RETURN_IF_ERROR(key_.Seal(frame, room.first(encoded.size), room.first(location.stored_length)));
  used_ += location.stored_length;
  ++blobs_;
  return location;
}

FinishedPack PackBuilder::Finish() {
  FinishedPack pack;
  pack.reference.sha256 = crypto::Sha256(ByteView(buffer_.get(), used_));
  pack.reference.length = used_;
  pack.reference.key_id = header_.key_id;
  pack.reference.salt = header_.salt;
  pack.bytes = std::move(buffer_);
  capacity_ = 0;
  used_ = 0;
  return pack;
}

}  // namespace pgcairn::repository
