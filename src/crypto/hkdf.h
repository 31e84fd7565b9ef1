// HKDF with SHA-256, extract and expand in one (RFC 5869).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::crypto {

inline constexpr size_t kHkdfBytesMax = size_t{255} * 32;

// Fills `out` from the key material `ikm`. `salt` need not be secret and may be empty; `info` names
// the use: two uses of one key must differ in salt or info. Safe from every thread. Errors: kFailed
// when `out` is longer than kHkdfBytesMax (then it is untouched).
Status HkdfSha256(ByteView ikm, ByteView salt, ByteView info, std::span<uint8_t> out);

}  // namespace pgcairn::crypto
