#include "repository/seal/stored_shape.h"

#include "repository/seal/document.h"

namespace pgcairn::repository {
namespace {

bool IsPlain(ObjectKind kind) {
  return kind == ObjectKind::kRepository || kind == ObjectKind::kFormat ||
         kind == ObjectKind::kAccessKey || kind == ObjectKind::kTombstone ||
         kind == ObjectKind::kDamagedPack || kind == ObjectKind::kRemovedKey;
}

}  // namespace

Status CheckStoredShape(ObjectKind kind, ByteView object) {
  if (IsPlain(kind)) return DecodePlainDocument(kind, object).status();
  ASSIGN_OR_RETURN(ObjectHeader header, DecodeHeader(object, kind));
  if (!header.sealed) return Error{Code::kDamaged, "it is plain where it must be sealed", ""};
  ByteView body = object.subspan(header.size_bytes());
  ASSIGN_OR_RETURN(DocumentFrame frame,
                   DecodeFrame(body, static_cast<uint32_t>(kSealedDocumentBytesMax)));
  const uint64_t framed = kFrameBytes + uint64_t{frame.stored_length};
  // The blobs of a WAL object follow; how many bytes they have only its sealed part says.
  const bool fits = kind == ObjectKind::kWal ? body.size() >= framed : body.size() == framed;
  if (!fits) return Error{Code::kDamaged, "it has another length than it says", ""};
  return {};
}

}  // namespace pgcairn::repository
