#include "repository/seal/codec.h"

#include <fmt/format.h>
// For ZSTD_getCParams(), which the shared library does not promise to keep; it is linked
// statically.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include <algorithm>
#include <utility>

namespace pgcairn::repository {
namespace {

// The parameters of the level as zstd chooses them for long inputs, whatever the length of the
// blob: for 256 KiB and less it would choose slower ones by itself. The quick levels' hash table is
// twice as long as zstd's: it still lies in a core's own cache, and pages become 2 % smaller for 4
// % more time (docs/adr/0005-data-blobs-of-one-mebibyte.md). For rows the tables of its double-fast
// strategy are those of inputs of 128 KiB: a seventh less time for 1 % more bytes
// (docs/adr/0014-what-rows-cost.md).
void SetParameters(ZSTD_CCtx* context, int level, Encoder::Content content) {
  constexpr unsigned long long kLongInput = 1 << 20;
  ZSTD_compressionParameters chosen = ZSTD_getCParams(level, kLongInput, 0);
  if (chosen.strategy == ZSTD_fast) ++chosen.hashLog;
  if (chosen.strategy == ZSTD_dfast && content == Encoder::Content::kRows) {
    --chosen.hashLog;
    --chosen.chainLog;
  }
  auto set = [&](ZSTD_cParameter parameter, auto value) {
    CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, static_cast<int>(value))) == 0);
  };
  set(ZSTD_c_compressionLevel, level);
  set(ZSTD_c_windowLog, chosen.windowLog);
  set(ZSTD_c_chainLog, chosen.chainLog);
  set(ZSTD_c_hashLog, chosen.hashLog);
  set(ZSTD_c_searchLog, chosen.searchLog);
  set(ZSTD_c_minMatch, chosen.minMatch);
  set(ZSTD_c_targetLength, chosen.targetLength);
  set(ZSTD_c_strategy, chosen.strategy);
}

}  // namespace

struct Encoder::Contexts {
  ZSTD_CCtx* compress = ZSTD_createCCtx();
  ~Contexts() { ZSTD_freeCCtx(compress); }
};

Encoder::Encoder(int level, Content content) : contexts_(std::make_unique<Contexts>()) {
  CHECK(contexts_->compress != nullptr);
  SetParameters(contexts_->compress, level, content);
}
Encoder::Encoder(Encoder&& other) noexcept = default;
Encoder::~Encoder() = default;

size_t Encoder::EncodedSizeMax(size_t raw_size) {
  return std::max(raw_size, ZSTD_compressBound(raw_size));
}

Result<Encoder::Encoded> Encoder::Encode(ByteView raw, std::span<uint8_t> out) {
  CHECK(out.size() >= EncodedSizeMax(raw.size()));
  size_t size = ZSTD_compress2(contexts_->compress, out.data(), out.size(), raw.data(), raw.size());
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
Decoder::Decoder(Decoder&& other) noexcept = default;
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
