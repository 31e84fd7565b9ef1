// The header that every object but the reference list begins with (docs/format.md, section 2).
#pragma once

#include <cstdint>

#include "repository/identifiers.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

enum class ObjectKind : uint8_t {
  kRepository = 'R',
  kFormat = 'F',
  kAccessKey = 'K',
  kEpoch = 'E',
  kHistory = 'H',
  kLease = 'L',
  kDataPack = 'D',
  kMetadataPack = 'M',
  kManifest = 'B',
  kWal = 'W',
  kTombstone = 'T',
  kTrash = 'P',
  kDamagedPack = 'X',
  kNote = 'N',
  kCheckpoint = 'C',
  kRemovedKey = 'G',
};

inline constexpr size_t kPlainHeaderBytes = 76;
inline constexpr size_t kSealedHeaderBytes = 108;

using KeyCheck = FixedId<16, struct KeyCheckTag>;

struct ObjectHeader {
  ObjectKind kind = ObjectKind::kRepository;
  bool sealed = false;               // envelope type 1, else 0
  ContentIdentity content_identity;  // WAL objects only
  KeyId key_id;                      // sealed only
  Salt salt;                         // sealed only
  KeyCheck key_check;                // sealed only

  size_t size_bytes() const { return sealed ? kSealedHeaderBytes : kPlainHeaderBytes; }
};

// size_bytes() bytes.
Bytes EncodeHeader(const ObjectHeader& header);

// Reads the header at the front of `object`. kDamaged: not an object of this kind, or a field is
// impossible. kUnsupported: a version, feature or envelope that this program does not know.
Result<ObjectHeader> DecodeHeader(ByteView object, ObjectKind expected);

}  // namespace pgcairn::repository
