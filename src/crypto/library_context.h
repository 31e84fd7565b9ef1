// Private to this folder: where algorithms are fetched from.
#pragma once

struct ossl_lib_ctx_st;

namespace pgcairn::crypto {

// A library context of pgcairn's own, with the built-in provider, made at first use and kept. The
// process-wide one follows the host's openssl.cnf, which may take AES-GCM, scrypt or X25519 away:
// a repository must be readable on any host. Safe from every thread.
ossl_lib_ctx_st* LibraryContext();

}  // namespace pgcairn::crypto
