#include "repository/seal/document.h"

#include <algorithm>

#include "crypto/sha256.h"
#include "repository/seal/codec.h"
#include "repository/seal/object_key.h"

namespace pgcairn::repository {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr uint32_t kPlainMessageBytesMax = 64 * 1024;
// Messages are small and written once: the level that saves most without being felt.
constexpr int kDocumentLevel = 6;

Error DamagedDocument(std::string message) { return {Code::kDamaged, std::move(message), ""}; }

}  // namespace

Bytes EncodePlainDocument(ObjectKind kind, const std::string& message) {
  CHECK(message.size() <= kPlainMessageBytesMax);
  ObjectHeader header;
  header.kind = kind;
  Bytes out = EncodeHeader(header);
  AppendLe<uint32_t>(out, static_cast<uint32_t>(message.size()));
  Append(out, AsBytes(message));
  Append(out, crypto::Sha256(out).bytes);
  return out;
}

Result<std::string> DecodePlainDocument(ObjectKind kind, ByteView object) {
  ASSIGN_OR_RETURN(ObjectHeader header, DecodeHeader(object, kind));
  if (header.sealed) return DamagedDocument("it is sealed where it must be plain");
  ByteReader in(object.subspan(header.size_bytes()));
  auto length = in.Le<uint32_t>();
  if (length > kPlainMessageBytesMax) return DamagedDocument("its message is too long");
  ByteView message = in.View(length);
  ByteView digest = in.View(kDigestBytes);
  if (!in.ok() || in.left() != 0) return DamagedDocument("it has another length than it says");
  crypto::Sha256Digest computed = crypto::Sha256(object.first(object.size() - kDigestBytes));
  if (!std::equal(digest.begin(), digest.end(), computed.bytes.begin())) {
    return DamagedDocument("its SHA-256 does not fit");
  }
  return ToString(message);
}

void AppendFrame(Bytes& out, const DocumentFrame& frame) {
  AppendLe<uint16_t>(out, frame.codec);
  AppendLe<uint16_t>(out, 0);
  AppendLe<uint32_t>(out, frame.raw_length);
  AppendLe<uint32_t>(out, frame.stored_length);
}

Result<DocumentFrame> DecodeFrame(ByteView bytes, uint32_t raw_length_max) {
  ByteReader in(bytes);
  DocumentFrame frame;
  frame.codec = in.Le<uint16_t>();
  auto reserved = in.Le<uint16_t>();
  frame.raw_length = in.Le<uint32_t>();
  frame.stored_length = in.Le<uint32_t>();
  if (!in.ok() || reserved != 0 || frame.raw_length > raw_length_max ||
      frame.stored_length < kSealBytes ||
      frame.stored_length > Encoder::EncodedSizeMax(frame.raw_length) + kSealBytes) {
    return DamagedDocument("the frame of its message is impossible");
  }
  return frame;
}

Result<Bytes> SealDocument(ObjectKind kind, const SealingKey& key, Place place,
                           const std::string& message) {
  CHECK(message.size() <= kSealedDocumentBytesMax);
  ObjectHeader header;
  header.kind = kind;
  header.sealed = true;
  header.key_id = key.id;
  ASSIGN_OR_RETURN(header.salt, NewSalt());
  ASSIGN_OR_RETURN(ObjectKey object_key, ObjectKey::Derive(key.key, header.salt, kind, place));
  header.key_check = object_key.key_check();

  Bytes encoded(Encoder::EncodedSizeMax(message.size()));
  Encoder encoder(kDocumentLevel);
  ASSIGN_OR_RETURN(Encoder::Encoded done, encoder.Encode(AsBytes(message), encoded));
  encoded.resize(done.size);

  DocumentFrame frame{done.codec, static_cast<uint32_t>(message.size()),
                      static_cast<uint32_t>(done.size + kSealBytes)};
  Bytes out = EncodeHeader(header);
  AppendFrame(out, frame);
  size_t at = out.size();
  out.resize(at + frame.stored_length);
  RETURN_IF_ERROR(
      object_key.Seal({0, frame.codec, frame.raw_length}, encoded, std::span(out).subspan(at)));
  return out;
}

Result<std::string> OpenDocument(ObjectKind kind, ByteView object, Place place,
                                 const KeyLookup& keys) {
  ASSIGN_OR_RETURN(ObjectHeader header, DecodeHeader(object, kind));
  if (!header.sealed) return DamagedDocument("it is plain where it must be sealed");
  ByteView body = object.subspan(header.size_bytes());
  ASSIGN_OR_RETURN(DocumentFrame frame,
                   DecodeFrame(body, static_cast<uint32_t>(kSealedDocumentBytesMax)));
  if (body.size() != kFrameBytes + frame.stored_length) {
    return DamagedDocument("it has another length than it says");
  }
  ASSIGN_OR_RETURN(ByteView key, keys(header.key_id));
  ASSIGN_OR_RETURN(ObjectKey object_key, ObjectKey::Derive(key, header.salt, kind, place));
  if (object_key.key_check() != header.key_check) {
    return Error{Code::kWrongKey, "it was sealed with another key",
                 "use the key file or passphrase of this repository"};
  }
  Bytes encoded(frame.stored_length - kSealBytes);
  RETURN_IF_ERROR(
      object_key.Open({0, frame.codec, frame.raw_length}, body.subspan(kFrameBytes), encoded));
  std::string message(frame.raw_length, '\0');
  Decoder decoder;
  RETURN_IF_ERROR(decoder.Decode(
      frame.codec, encoded, std::span(reinterpret_cast<uint8_t*>(message.data()), message.size())));
  return message;
}

}  // namespace pgcairn::repository
