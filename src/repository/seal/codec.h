// Encoding of raw bytes before they are sealed (docs/format.md, section 3).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::repository {

inline constexpr uint16_t kCodecStored = 0;
inline constexpr uint16_t kCodecZstd = 1;

// Compresses with one kept context. Not for two threads at once.
class Encoder {
 public:
  enum class Content { kPages, kRows };
  // `level` is zstd's, 1 to 19.
  explicit Encoder(int level, Content content = Content::kPages);
  Encoder(Encoder&& other) noexcept;
  ~Encoder();

  // What `raw` can need at most, in either codec.
  static size_t EncodedSizeMax(size_t raw_size);

  struct Encoded {
    uint16_t codec;
    size_t size;
  };
  // Writes into `out` (EncodedSizeMax bytes). What zstd cannot make smaller is stored as it is.
  Result<Encoded> Encode(ByteView raw, std::span<uint8_t> out);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

// Decompresses with one kept context. Not for two threads at once.
class Decoder {
 public:
  Decoder();
  Decoder(Decoder&& other) noexcept;
  ~Decoder();

  // Fills `raw` exactly. kDamaged: the bytes are not an encoding of that many. kUnsupported: an
  // unknown codec.
  Status Decode(uint16_t codec, ByteView encoded, std::span<uint8_t> raw);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace pgcairn::repository
