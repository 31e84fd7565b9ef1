// What can be told of a stored object without a key.
#pragma once

#include "repository/header.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

// Plain documents are proven whole by their own SHA-256. Of sealed ones and of WAL objects only
// header, frame and length are judged: a changed byte in what is sealed is not seen. Not for packs.
// kDamaged, kUnsupported.
Status CheckStoredShape(ObjectKind kind, ByteView object);

}  // namespace pgcairn::repository
