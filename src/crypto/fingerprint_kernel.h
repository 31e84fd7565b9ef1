// Private to this folder: XXH3-64 compiled for each vector unit. All give the same value.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgcairn::crypto {

// `secret` has kFingerprintSecretBytes.
using FingerprintKernel = uint64_t (*)(const void* bytes, size_t size, const void* secret);

// Whatever libxxhash was compiled for: SSE2 on x86-64, NEON on ARM.
uint64_t FingerprintPortable(const void* bytes, size_t size, const void* secret);

// Null where the processor has no AVX2. Three times as fast as SSE2 on a page that is in the cache
// (57 against 19 GB/s on an AMD EPYC; AVX-512 is no faster there).
FingerprintKernel FingerprintAvx2();

}  // namespace pgcairn::crypto
