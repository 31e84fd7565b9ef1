#include "crypto/fingerprint.h"

#include <xxhash.h>

#include "crypto/fingerprint_kernel.h"
#include "util/result.h"

namespace pgcairn::crypto {

static_assert(kFingerprintSecretBytes >= XXH3_SECRET_SIZE_MIN);

uint64_t FingerprintPortable(const void* bytes, size_t size, const void* secret) {
  return XXH3_64bits_withSecret(bytes, size, secret, kFingerprintSecretBytes);
}

PageFingerprint::PageFingerprint(ByteView secret) {
  CHECK(secret.size() == kFingerprintSecretBytes);
  std::memcpy(secret_.span().data(), secret.data(), kFingerprintSecretBytes);
}

uint64_t PageFingerprint::Of(ByteView page) const {
  static const FingerprintKernel kKernel = [] {
    FingerprintKernel avx2 = FingerprintAvx2();
    return avx2 != nullptr ? avx2 : FingerprintPortable;
  }();
  return kKernel(page.data(), page.size(), secret_.view().data());
}

}  // namespace pgcairn::crypto
