#include "postgres/crc32c.h"

#include <array>
#include <cstddef>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace pgcairn::postgres {
namespace {

constexpr uint32_t kReflectedPolynomial = 0x82F63B78;

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1) != 0 ? kReflectedPolynomial : 0);
    }
    table[byte] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

uint32_t UpdateByTable(uint32_t state, ByteView bytes) {
  for (uint8_t byte : bytes) state = kTable[(state ^ byte) & 0xFF] ^ (state >> 8);
  return state;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t UpdateBySse42(uint32_t state, ByteView bytes) {
  uint64_t wide = state;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    wide = _mm_crc32_u64(wide, LoadLe<uint64_t>(bytes.data() + at));
  }
  auto narrow = static_cast<uint32_t>(wide);
  for (; at < bytes.size(); ++at) narrow = _mm_crc32_u8(narrow, bytes[at]);
  return narrow;
}
#endif

using Update = uint32_t (*)(uint32_t, ByteView);

Update Choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return UpdateBySse42;
#endif
  return UpdateByTable;
}

}  // namespace

uint32_t Crc32c(ByteView bytes, uint32_t before) {
  static const Update update = Choose();
  return ~update(~before, bytes);
}

uint32_t Crc32cPortable(ByteView bytes, uint32_t before) { return ~UpdateByTable(~before, bytes); }

}  // namespace pgcairn::postgres
