// scrypt (RFC 7914): turns a passphrase into key material, expensively for whoever guesses.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/secret_bytes.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::crypto {

// Memory is 128 * r * 2^log2_n bytes, time is proportional to that times p.
struct ScryptParameters {
  uint32_t log2_n = 0;
  uint32_t r = 0;
  uint32_t p = 0;

  bool operator==(const ScryptParameters&) const = default;
};

// For every new key object, whatever the repository says: 128 MiB and about half a second. Readers
// take the parameters from the key object, within the limits below.
inline constexpr ScryptParameters kScryptDefault{17, 8, 1};

// A key object comes from storage that may be hostile: it may not make a reader use more memory, or
// (by p) more than a few minutes.
inline constexpr uint64_t kScryptMemoryBytesMax = uint64_t{1} << 30;
inline constexpr uint32_t kScryptParallelMax = 16;

// `length` bytes, at least 1. Safe from every thread; each call needs its own memory. An empty
// passphrase is the caller's to refuse. Errors: kUnsupported (parameters beyond the limits, or
// zero), kFailed (not enough memory on this host).
Result<SecretBytes> Scrypt(ByteView passphrase, ByteView salt, const ScryptParameters& parameters,
                           size_t length);

}  // namespace pgcairn::crypto
