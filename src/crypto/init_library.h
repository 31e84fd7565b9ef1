// What a process can do first to make its first encryption cheap.
#pragma once

namespace pgcairn::crypto {

// For a process that will open no TLS connection and read no certificate or private-key file, such
// as `wal push` and `wal fetch` on a directory: keeps libcrypto from reading openssl.cnf and from
// filling its tables of names. The first Aead then takes 0.6 ms instead of 1.4 ms.
//
// It holds for the whole process and cannot be undone: libpq and libcurl would miss the host's TLS
// policy. Only main() knows that neither will be used; nothing else in this folder needs the call.
// Must come before any other use of libcrypto; a later call does nothing.
void InitLibraryWithoutTls();

}  // namespace pgcairn::crypto
