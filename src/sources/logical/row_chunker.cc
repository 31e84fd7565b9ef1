#include "sources/logical/row_chunker.h"

#include <utility>

#include "crypto/hkdf.h"
#include "crypto/secret_bytes.h"

namespace pgcairn::sources {
namespace {

crypto::PageFingerprint KeyedHash(ByteView chunk_key) {
  crypto::SecretArray<crypto::kFingerprintSecretBytes> secret;
  CHECK(crypto::HkdfSha256(chunk_key, {}, AsBytes("pgcairn chunk ends v1"), secret.span()).ok());
  return crypto::PageFingerprint(secret.view());
}

}  // namespace

RowChunker::RowChunker(ByteView chunk_key, ChunkSizes sizes, OnChunk on_chunk)
    : hash_(KeyedHash(chunk_key)), sizes_(sizes), on_chunk_(std::move(on_chunk)) {
  CHECK(0 < sizes.min && sizes.min <= sizes.mean && sizes.mean <= sizes.max);
  chunk_.reserve(sizes.max);
}

Status RowChunker::Add(ByteView row) {
  CHECK(!row.empty());
  const bool ends_behind = EndsBehind(row);
  if (!chunk_.empty() && chunk_.size() + row.size() > sizes_.max) RETURN_IF_ERROR(Emit());
  while (row.size() > sizes_.max) {
    Append(chunk_, row.first(sizes_.max));
    row = row.subspan(sizes_.max);
    RETURN_IF_ERROR(Emit());
  }
  Append(chunk_, row);
  return ends_behind && chunk_.size() >= sizes_.min ? Emit() : Status();
}

Status RowChunker::End() { return chunk_.empty() ? Status() : Emit(); }

// With a chance of length / (mean - min) behind each row past the first `min` bytes. In integers,
// so that every machine decides alike.
bool RowChunker::EndsBehind(ByteView row) const {
  const size_t spread = sizes_.mean - sizes_.min;
  if (row.size() >= spread) return true;
  const uint64_t threshold = (uint64_t{row.size()} << 32) / spread;
  return (hash_.Of(row) >> 32) < threshold;
}

Status RowChunker::Emit() {
  Status status = on_chunk_(chunk_);
  chunk_.clear();
  return status;
}

}  // namespace pgcairn::sources
