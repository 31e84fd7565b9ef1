#include "repository/map/chunk_identity.h"

#include "crypto/hkdf.h"
#include "crypto/secret_bytes.h"
#include "util/result.h"

namespace pgcairn::repository {
namespace {

crypto::ContentMac MacUnder(ByteView chunk_key) {
  crypto::SecretArray<crypto::kContentMacKeyBytes> key;
  CHECK(crypto::HkdfSha256(chunk_key, {}, AsBytes("pgcairn chunk identity v1"), key.span()).ok());
  return crypto::ContentMac(key.view());
}

}  // namespace

ChunkIdentity::ChunkIdentity(ByteView chunk_key) : mac_(MacUnder(chunk_key)) {}

}  // namespace pgcairn::repository
