// Objects that hold one message (docs/format.md, section 4).
#pragma once

#include <functional>
#include <string>

#include "repository/header.h"
#include "repository/identifiers.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// Finds the 32-byte key of that id; kWrongKey when it is not at hand. The view stays valid as long
// as the owner of the keys.
using KeyLookup = std::function<Result<ByteView>(const KeyId&)>;

inline constexpr uint64_t kPlainDocumentBytesMax = uint64_t{64} * 1024 + 1024;
inline constexpr uint64_t kSealedDocumentBytesMax = uint64_t{64} * 1024 * 1024;

Bytes EncodePlainDocument(ObjectKind kind, const std::string& message);
// The message. kDamaged, kUnsupported.
Result<std::string> DecodePlainDocument(ObjectKind kind, ByteView object);

// The key that an object is sealed with.
struct SealingKey {
  KeyId id;
  ByteView key;  // 32 bytes, owned by the caller
};

Result<Bytes> SealDocument(ObjectKind kind, const SealingKey& key, Place place,
                           const std::string& message);
// The message. kWrongKey: the key at hand is not the one. kDamaged, kUnsupported.
Result<std::string> OpenDocument(ObjectKind kind, ByteView object, Place place,
                                 const KeyLookup& keys);

// The frame before the first blob of a document or a WAL object.
inline constexpr size_t kFrameBytes = 12;
struct DocumentFrame {
  uint16_t codec = 0;
  uint32_t raw_length = 0;
  uint32_t stored_length = 0;
};
void AppendFrame(Bytes& out, const DocumentFrame& frame);
// kDamaged when the bytes are too short, a reserved field is set or a length exceeds the bounds.
Result<DocumentFrame> DecodeFrame(ByteView bytes, uint32_t raw_length_max);

}  // namespace pgcairn::repository
