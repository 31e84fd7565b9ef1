#include "crypto/library_context.h"

#include <openssl/crypto.h>

#include "crypto/init_library.h"
#include "util/result.h"

namespace pgcairn::crypto {

ossl_lib_ctx_st* LibraryContext() {
  static OSSL_LIB_CTX* const kContext = [] {
    OSSL_LIB_CTX* made = OSSL_LIB_CTX_new();
    CHECK(made != nullptr);
    return made;
  }();
  return kContext;
}

void InitLibraryWithoutTls() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                          OPENSSL_INIT_NO_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
                          OPENSSL_INIT_NO_ATEXIT,
                      nullptr);
}

}  // namespace pgcairn::crypto
