// XXH3 for AVX2, in a program that must also run without.
//
// libxxhash's own choice at run time exists in its shared library only; this program links the
// static one. Below the pragma stands nothing but xxhash.h, all of whose functions are then static:
// an inline function of the C++ library compiled here for AVX2 could replace its siblings elsewhere
// at link time.
#include "crypto/fingerprint_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define XXH_INLINE_ALL
#define XXH_VECTOR 2  // XXH_AVX2, which has its name only inside
#include <xxhash.h>

namespace pgcairn::crypto {
namespace {

constexpr size_t kSecretBytes = 192;

uint64_t Kernel(const void* bytes, size_t size, const void* secret) {
  return XXH3_64bits_withSecret(bytes, size, secret, kSecretBytes);
}

}  // namespace
}  // namespace pgcairn::crypto

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

namespace pgcairn::crypto {

FingerprintKernel FingerprintAvx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") ? Kernel : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace pgcairn::crypto
