// By what two archived files of one name are known to be equal, without their bytes
// (docs/format.md, section 9, "content identity").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/aead.h"
#include "repository/identifiers.h"
#include "util/bytes.h"

namespace pgcairn::repository {

inline constexpr size_t kWalPieceBytes = size_t{1024} * 1024;

// What remains of a file when the zeros at its end are left out: all that is stored of it.
ByteView WithoutTrailingZeros(ByteView file);

using WalPieceTag = std::array<uint8_t, crypto::kTagBytes>;

// Tags pieces under the cluster's secret. A tag must never leave the process: it is a universal
// hash, which is quick, and secure only as the input of WalIdentity(). Not for two threads at once.
class WalPieceTagger {
 public:
  // Aborts if libcrypto has no memory left.
  explicit WalPieceTagger(ByteView wal_identity_key);

  WalPieceTag TagOf(ByteView piece);

 private:
  crypto::Aead mac_;
};

// `tags`: of the file without its trailing zeros, cut into pieces of kWalPieceBytes, the last one
// shorter. `file_bytes`: the length with the zeros. Any thread.
ContentIdentity WalIdentity(ByteView wal_identity_key, std::string_view name, uint64_t file_bytes,
                            std::span<const WalPieceTag> tags);

// The same of a file of `file_bytes`, given without any or all of the zeros at its end. Any thread.
ContentIdentity WalIdentity(ByteView wal_identity_key, std::string_view name, uint64_t file_bytes,
                            ByteView bytes);

}  // namespace pgcairn::repository
