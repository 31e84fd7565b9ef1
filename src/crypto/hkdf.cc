#include "crypto/hkdf.h"

#include <algorithm>
#include <cstring>

#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"

namespace pgcairn::crypto {

Status HkdfSha256(ByteView ikm, ByteView salt, ByteView info, std::span<uint8_t> out) {
  if (out.size() > kHkdfBytesMax) {
    return Error{Code::kFailed, "deriving a key: more bytes asked for than HKDF can give", {}};
  }
  Sha256Digest extracted = HmacSha256(salt, {ikm});
  const HmacSha256Stream keyed(extracted.view());
  Wipe(extracted.bytes);

  Sha256Digest block;
  ByteView previous;
  uint8_t counter = 0;
  while (!out.empty()) {
    ++counter;
    HmacSha256Stream mac = keyed;
    mac.Update(previous);
    mac.Update(info);
    mac.Update({&counter, 1});
    block = mac.Finish();
    previous = block.view();
    const size_t taken = std::min(out.size(), previous.size());
    std::memcpy(out.data(), previous.data(), taken);
    out = out.subspan(taken);
  }
  Wipe(block.bytes);
  return Status::Ok();
}

}  // namespace pgcairn::crypto
