#include "repository/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace pgcairn::repository {
namespace {

constexpr std::string_view kObjectMagic = "PGCAIRN";
constexpr uint16_t kObjectVersion = 1;
constexpr uint32_t kKnownFeatures = 0;
constexpr uint8_t kEnvelopeNone = 0;
constexpr uint8_t kEnvelopeDerived = 1;

Error DamagedHeader(std::string message) { return {Code::kDamaged, std::move(message), ""}; }

Result<ObjectHeader> DecodeEnvelope(ObjectHeader header, uint8_t type, ByteView envelope,
                                    const KeyCheck& key_check) {
  header.key_check = key_check;
  if (type == kEnvelopeNone) {
    if (!envelope.empty() || !IsAllZeros(header.key_id.view()) || !IsAllZeros(key_check.view())) {
      return DamagedHeader("its header names a key that it cannot have");
    }
    return header;
  }
  if (type != kEnvelopeDerived) {
    return Error{Code::kUnsupported, fmt::format("its envelope type {} is unknown", type),
                 "a newer pgcairn wrote this object: use that version"};
  }
  header.sealed = true;
  ASSIGN_OR_RETURN(header.salt, Salt::From(envelope));
  return header;
}

}  // namespace

Bytes EncodeHeader(const ObjectHeader& header) {
  Bytes out;
  out.reserve(header.size_bytes());
  Append(out, AsBytes(kObjectMagic));
  out.push_back(static_cast<uint8_t>(header.kind));
  AppendLe<uint16_t>(out, kObjectVersion);
  AppendLe<uint16_t>(out, static_cast<uint16_t>(header.size_bytes()));
  AppendLe<uint32_t>(out, kKnownFeatures);
  Append(out, header.content_identity.view());
  Append(out, header.key_id.view());
  out.push_back(header.sealed ? kEnvelopeDerived : kEnvelopeNone);
  out.push_back(0);
  AppendLe<uint16_t>(out, header.sealed ? Salt::kBytes : 0);
  if (header.sealed) Append(out, header.salt.view());
  Append(out, header.key_check.view());
  CHECK(out.size() == header.size_bytes());
  return out;
}

Result<ObjectHeader> DecodeHeader(ByteView object, ObjectKind expected) {
  ByteReader in(object);
  ByteView magic = in.View(kObjectMagic.size());
  auto kind = in.Le<uint8_t>();
  if (!in.ok() || AsText(magic) != kObjectMagic)
    return DamagedHeader("it does not begin as a pgcairn object");
  if (kind != static_cast<uint8_t>(expected)) {
    return DamagedHeader(fmt::format("it is of kind {}, not {}", static_cast<int>(kind),
                                     static_cast<int>(expected)));
  }
  auto version = in.Le<uint16_t>();
  auto length = in.Le<uint16_t>();
  auto features = in.Le<uint32_t>();
  if (!in.ok()) return DamagedHeader("its header is cut short");
  if (version != kObjectVersion || (features & ~kKnownFeatures) != 0) {
    return Error{Code::kUnsupported,
                 fmt::format("its version {} or features {:#x} are unknown", version, features),
                 "a newer pgcairn wrote this object: use that version"};
  }
  ObjectHeader header;
  header.kind = expected;
  header.content_identity.bytes = in.Array<ContentIdentity::kBytes>();
  header.key_id.bytes = in.Array<KeyId::kBytes>();
  auto type = in.Le<uint8_t>();
  auto reserved = in.Le<uint8_t>();
  auto envelope_length = in.Le<uint16_t>();
  ByteView envelope = in.View(envelope_length);
  KeyCheck key_check{in.Array<KeyCheck::kBytes>()};
  if (!in.ok() || reserved != 0 || envelope_length > 256 ||
      length != kPlainHeaderBytes + envelope_length) {
    return DamagedHeader("its header is cut short or inconsistent");
  }
  if (expected != ObjectKind::kWal && !IsAllZeros(header.content_identity.view())) {
    return DamagedHeader("its header has a content identity that it cannot have");
  }
  return DecodeEnvelope(header, type, envelope, key_check);
}

}  // namespace pgcairn::repository
