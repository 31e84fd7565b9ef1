// Whether the bytes of a unit are those that were backed up: what restore and verify go by.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/fingerprint.h"
#include "repository/map/stream_list.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

// In bytes: the last unit of a stream may be shorter than the others. `unit` is one of the stream.
size_t UnitLength(const repository::StreamEntry& entry, uint64_t unit);

// Says which unit of which stream is wrong (Code::kDamaged), without a hint: what to do next is
// known to the caller.
Error WrongUnit(const repository::StreamEntry& entry, uint64_t unit);

// Safe from every thread.
class UnitProof {
 public:
  // `fingerprint_secret` as KeyRing has it; copied.
  explicit UnitProof(ByteView fingerprint_secret);

  const crypto::PageFingerprint& fingerprint() const { return fingerprint_; }

  // Of a unit that is stored nowhere because it is zeros: whether `fingerprint`, from its map, is
  // that of zeros.
  bool IsOfZeros(const repository::StreamEntry& entry, uint64_t unit, uint64_t fingerprint) const;

  // Whether `raw`, a blob, holds the unit at `place`, in bytes. A place behind its end is none.
  bool IsIn(ByteView raw, size_t place, const repository::StreamEntry& entry, uint64_t unit,
            uint64_t fingerprint) const;

 private:
  crypto::PageFingerprint fingerprint_;
  uint64_t zero_page_;  // its fingerprint
};

}  // namespace pgcairn::commands
