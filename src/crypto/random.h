// Random bytes from the kernel (getrandom(2)): safe from every thread and across fork, and without
// the start-up cost of a generator inside the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/secret_bytes.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::crypto {

// Fills all of `out`, or fails and wipes it; waits until the kernel's generator has been seeded
// (early boot). Errors: kFailed.
Status FillRandom(std::span<uint8_t> out);

// For salts and identifiers, which are not secret.
Result<Bytes> RandomBytes(size_t size);
// For keys.
Result<SecretBytes> RandomSecret(size_t size);

}  // namespace pgcairn::crypto
