// The fingerprint by which a page is recognised as unchanged: XXH3-64 with a secret of 192 bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/secret_bytes.h"
#include "util/bytes.h"

namespace pgcairn::crypto {

inline constexpr size_t kFingerprintSecretBytes = 192;

// Compares a page with what lay at the same place before, never used to look a page up. XXH3 is not
// a cryptographic hash: the random secret keeps people who choose table contents, and do not see
// fingerprints, from making two pages that collide. The secret is per cluster and outlives key
// epochs.
//
// Safe from every thread. Uses the widest vector unit of the processor; the value is the same on
// all.
class PageFingerprint {
 public:
  // Copies the secret; aborts unless it has kFingerprintSecretBytes.
  explicit PageFingerprint(ByteView secret);

  uint64_t Of(ByteView page) const;

 private:
  SecretArray<kFingerprintSecretBytes> secret_;
};

}  // namespace pgcairn::crypto
