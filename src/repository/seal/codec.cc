#include "repository/seal/codec.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>

namespace pgcairn::repository {

struct Encoder::Contexts {
  ZSTD_CCtx* compress = ZSTD_createCCtx();
  ~Contexts() { ZSTD_freeCCtx(compress); }
};

Encoder::Encoder(int level) : contexts_(std::make_unique<Contexts>()), level_(level) {
  CHECK(contexts_->compress != nullptr);
}
Encoder::~Encoder() = default;

size_t Encoder::EncodedSizeMax(size_t raw_size) {
  return std::max(raw_size, ZSTD_compressBound(raw_size));
}

Result<Encoder::Encoded> Encoder::Encode(ByteView raw, std::span<uint8_t> out) {
  CHECK(out.size() >= EncodedSizeMax(raw.size()));
  size_t size = ZSTD_compressCCtx(contexts_->compress, out.data(), out.size(), raw.data(),
                                  raw.size(), level_);
  if (ZSTD_isError(size) != 0) {
    return Error{Code::kFailed, fmt::format("compressing: {}", ZSTD_getErrorName(size)), ""};
  }
  if (size < raw.size()) return Encoded{kCodecZstd, size};
  std::copy(raw.begin(), raw.end(), out.begin());
  return Encoded{kCodecStored, raw.size()};
}

struct Decoder::Contexts {
  ZSTD_DCtx* decompress = ZSTD_createDCtx();
  ~Contexts() { ZSTD_freeDCtx(decompress); }
};

Decoder::Decoder() : contexts_(std::make_unique<Contexts>()) {
  CHECK(contexts_->decompress != nullptr);
}
Decoder::~Decoder() = default;

Status Decoder::Decode(uint16_t codec, ByteView encoded, std::span<uint8_t> raw) {
  if (codec == kCodecStored) {
    if (encoded.size() != raw.size()) return Error{Code::kDamaged, "a blob has another length", ""};
    std::copy(encoded.begin(), encoded.end(), raw.begin());
    return {};
  }
  if (codec != kCodecZstd) {
    return Error{Code::kUnsupported, fmt::format("codec {} is unknown", codec),
                 "a newer pgcairn wrote this object: use that version"};
  }
  size_t size = ZSTD_decompressDCtx(contexts_->decompress, raw.data(), raw.size(), encoded.data(),
                                    encoded.size());
  if (ZSTD_isError(size) != 0 || size != raw.size()) {
    return Error{Code::kDamaged, "a blob does not decompress to its length", ""};
  }
  return {};
}

}  // namespace pgcairn::repository
