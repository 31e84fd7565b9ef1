#include "repository/pack/pack_reference.h"

#include <algorithm>

#include "repository/header.h"
#include "repository/seal/codec.h"
#include "repository/seal/object_key.h"

namespace pgcairn::repository {

void AppendPackReference(Bytes& out, const PackReference& reference) {
  Append(out, reference.sha256.bytes);
  AppendLe<uint64_t>(out, reference.length);
  Append(out, reference.key_id.view());
  Append(out, reference.salt.view());
}

void AppendTableBlob(Bytes& out, const TableBlob& blob) {
  AppendLe<uint32_t>(out, blob.pack);
  AppendLe<uint32_t>(out, blob.location.offset);
  AppendLe<uint32_t>(out, blob.location.stored_length);
  AppendLe<uint32_t>(out, blob.location.raw_length);
  AppendLe<uint32_t>(out, blob.location.ordinal);
  AppendLe<uint16_t>(out, blob.location.codec);
  AppendLe<uint16_t>(out, blob.units);
}

PackReference ReadPackReference(ByteReader& in) {
  PackReference reference;
  reference.sha256.bytes = in.Array<32>();
  reference.length = in.Le<uint64_t>();
  reference.key_id.bytes = in.Array<KeyId::kBytes>();
  reference.salt.bytes = in.Array<Salt::kBytes>();
  return reference;
}

TableBlob ReadTableBlob(ByteReader& in) {
  TableBlob blob;
  blob.pack = in.Le<uint32_t>();
  blob.location.offset = in.Le<uint32_t>();
  blob.location.stored_length = in.Le<uint32_t>();
  blob.location.raw_length = in.Le<uint32_t>();
  blob.location.ordinal = in.Le<uint32_t>();
  blob.location.codec = in.Le<uint16_t>();
  blob.units = in.Le<uint16_t>();
  return blob;
}

Status CheckLocation(const PackReference& pack, const BlobLocation& location,
                     uint32_t raw_length_max) {
  uint64_t end = uint64_t{location.offset} + location.stored_length;
  if (pack.length > kPackBytesMax || location.offset < kSealedHeaderBytes || end > pack.length ||
      location.stored_length < kSealBytes || location.raw_length > raw_length_max ||
      location.ordinal >= kPackBlobsMax ||
      location.stored_length > Encoder::EncodedSizeMax(location.raw_length) + kSealBytes) {
    return Error{Code::kDamaged, "the place of a blob in its pack is impossible", ""};
  }
  return {};
}

void ToMessage(const PackReference& pack, format::PackReference* message) {
  message->set_sha256(ToString(pack.sha256.bytes));
  message->set_length(pack.length);
  message->set_key_id(ToString(pack.key_id.view()));
  message->set_salt(ToString(pack.salt.view()));
}

Result<PackReference> FromMessage(const format::PackReference& message) {
  PackReference reference;
  const std::string& sha256 = message.sha256();
  if (sha256.size() != reference.sha256.bytes.size()) {
    return Error{Code::kDamaged, "a pack reference is malformed", ""};
  }
  std::copy(sha256.begin(), sha256.end(), reference.sha256.bytes.begin());
  reference.length = message.length();
  ASSIGN_OR_RETURN(reference.key_id, KeyId::From(message.key_id()));
  ASSIGN_OR_RETURN(reference.salt, Salt::From(message.salt()));
  return reference;
}

void ToMessage(const PackReference& pack, const BlobLocation& location,
               format::BlobReference* message) {
  ToMessage(pack, message->mutable_pack());
  message->set_offset(location.offset);
  message->set_stored_length(location.stored_length);
  message->set_raw_length(location.raw_length);
  message->set_ordinal(location.ordinal);
  message->set_codec(location.codec);
}

Result<BlobReference> FromMessage(const format::BlobReference& message) {
  BlobReference reference;
  if (message.codec() > UINT16_MAX) {
    return Error{Code::kDamaged, "a blob reference is malformed", ""};
  }
  ASSIGN_OR_RETURN(reference.pack, FromMessage(message.pack()));
  reference.location = {message.offset(), message.stored_length(), message.raw_length(),
                        message.ordinal(), static_cast<uint16_t>(message.codec())};
  RETURN_IF_ERROR(CheckLocation(reference.pack, reference.location, kMetadataBlobRawBytesMax));
  return reference;
}

}  // namespace pgcairn::repository
