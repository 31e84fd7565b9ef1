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
  std::memcpy(buffer_.bytes().data(), encoded.data(), encoded.size());
  used_ = encoded.size();
}

void PackBuilder::Grow(size_t capacity) {
  LargeBuffer larger(capacity);
  if (used_ > 0) std::memcpy(larger.bytes().data(), buffer_.bytes().data(), used_);
  buffer_ = std::move(larger);
}

bool PackBuilder::HasRoom(size_t raw_bytes) const {
  return blobs_ == 0 || (blobs_ < kPackBlobsMax && used_ + raw_bytes / 2 < kPackBytesTarget &&
                         used_ + raw_bytes < kPackBytesMax / 2);
}

Result<BlobLocation> PackBuilder::Add(ByteView raw) {
  size_t needed = used_ + Encoder::EncodedSizeMax(raw.size()) + kSealBytes;
  if (needed > buffer_.bytes().size()) Grow(needed);
  std::span<uint8_t> room = buffer_.bytes().subspan(used_);
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
  pack.reference.sha256 = crypto::Sha256(buffer_.view().first(used_));
  pack.reference.length = used_;
  pack.reference.key_id = header_.key_id;
  pack.reference.salt = header_.salt;
  pack.buffer = std::move(buffer_);
  used_ = 0;
  return pack;
}

}  // namespace pgcairn::repository
