#include "repository/wal_store/wal_identity.h"

#include <algorithm>
#include <vector>

#include "crypto/hkdf.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"

namespace pgcairn::repository {
namespace {

crypto::Aead PieceMac(ByteView wal_identity_key) {
  crypto::SecretArray<crypto::kAeadKeyBytes> key;
  CHECK(
      crypto::HkdfSha256(wal_identity_key, {}, AsBytes("pgcairn wal pieces v1"), key.span()).ok());
  return crypto::Aead(key.view().first<crypto::kAeadKeyBytes>());
}

}  // namespace

ByteView WithoutTrailingZeros(ByteView file) {
  constexpr size_t kStepBytes = 4096;
  size_t size = file.size();
  while (size > 0) {
    size_t step = std::min(kStepBytes, size);
    if (!IsAllZeros(file.subspan(size - step, step))) break;
    size -= step;
  }
  while (size > 0 && file[size - 1] == 0) --size;
  return file.first(size);
}

WalPieceTagger::WalPieceTagger(ByteView wal_identity_key) : mac_(PieceMac(wal_identity_key)) {}

WalPieceTag WalPieceTagger::TagOf(ByteView piece) {
  constexpr uint64_t kOneNonceForAll = 0;  // as no tag is ever seen
  WalPieceTag tag;
  CHECK(mac_.Seal(kOneNonceForAll, piece, {}, tag).ok());
  return tag;
}

ContentIdentity WalIdentity(ByteView wal_identity_key, std::string_view name, uint64_t file_bytes,
                            std::span<const WalPieceTag> tags) {
  Bytes message;
  AppendLe<uint16_t>(message, static_cast<uint16_t>(name.size()));
  Append(message, AsBytes(name));
  AppendLe<uint64_t>(message, file_bytes);
  for (const WalPieceTag& tag : tags) Append(message, tag);
  return {crypto::HmacSha256(wal_identity_key, {ByteView(message)}).bytes};
}

ContentIdentity WalIdentity(ByteView wal_identity_key, std::string_view name, uint64_t file_bytes,
                            ByteView bytes) {
  WalPieceTagger tagger(wal_identity_key);
  std::vector<WalPieceTag> tags;
  ByteView content = WithoutTrailingZeros(bytes);
  for (size_t at = 0; at < content.size(); at += kWalPieceBytes) {
    tags.push_back(
        tagger.TagOf(content.subspan(at, std::min(kWalPieceBytes, content.size() - at))));
  }
  return WalIdentity(wal_identity_key, name, file_bytes, tags);
}

}  // namespace pgcairn::repository
