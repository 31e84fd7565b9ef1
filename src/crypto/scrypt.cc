#include "crypto/scrypt.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/library_context.h"

namespace pgcairn::crypto {
namespace {

// 128 * r is the size of one block; with r up to 2^20 no product below overflows.
constexpr uint32_t kBlockSizeMax = 1u << 20;
constexpr uint32_t kLog2NMax = 30;

bool WithinLimits(const ScryptParameters& parameters) {
  const auto& [log2_n, r, p] = parameters;
  if (log2_n < 1 || log2_n > kLog2NMax || r < 1 || r > kBlockSizeMax || p < 1) return false;
  // RFC 7914, section 2: N < 2^(128 * r / 8).
  if (log2_n >= uint64_t{16} * r) return false;
  return p <= kScryptParallelMax && (uint64_t{128} * r << log2_n) <= kScryptMemoryBytesMax;
}

}  // namespace

Result<SecretBytes> Scrypt(ByteView passphrase, ByteView salt, const ScryptParameters& parameters,
                           size_t length) {
  const auto& [log2_n, r, p] = parameters;
  if (!WithinLimits(parameters)) {
    return Error{
        Code::kUnsupported,
        fmt::format("scrypt parameters N=2^{} r={} p={} are outside the limits of pgcairn (1 GiB "
                    "of memory, p up to {})",
                    log2_n, r, p, kScryptParallelMax),
        "pgcairn never writes such a key object; check that the repository has not been changed"};
  }
  CHECK(length > 0);
  const uint64_t n = uint64_t{1} << log2_n;
  const uint64_t memory = uint64_t{128} * r * (n + p + 2);
  SecretBytes key(length);
  if (EVP_PBE_scrypt_ex(reinterpret_cast<const char*>(passphrase.data()), passphrase.size(),
                        salt.data(), salt.size(), n, r, p, memory, key.span().data(), key.size(),
                        LibraryContext(), nullptr) != 1) {
    ERR_clear_error();
    return Error{Code::kFailed,
                 fmt::format("deriving a key from the passphrase with scrypt N=2^{} r={} p={}",
                             log2_n, r, p),
                 fmt::format("it needs {} MiB of free memory", (memory >> 20) + 1)};
  }
  return key;
}

}  // namespace pgcairn::crypto
