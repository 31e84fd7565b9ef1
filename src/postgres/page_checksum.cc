#include "postgres/page_checksum.h"

#include <cstddef>
#include <cstring>

namespace pgcairn::postgres {
namespace {

// The page is a table of 64 rows and 32 columns of 32-bit words. Each column is hashed for itself,
// so that as many can be done at once as a vector register holds.
constexpr size_t kColumns = 32;
constexpr size_t kRowSize = kColumns * sizeof(uint32_t);
constexpr size_t kRows = kPageSize / kRowSize;
constexpr size_t kChecksumFieldAt = 8;
constexpr uint32_t kPrime = 16777619;
constexpr uint32_t kModulus = 65535;

alignas(64) constexpr uint32_t kStart[kColumns] = {
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756};

using Words4 __attribute__((vector_size(16))) = uint32_t;
using Words8 __attribute__((vector_size(32))) = uint32_t;
using Words16 __attribute__((vector_size(64))) = uint32_t;

// All columns of one row as vectors of one width.
template <typename Words>
struct Row {
  static constexpr size_t kParts = kRowSize / sizeof(Words);
  Words part[kParts];

  __attribute__((always_inline)) void Load(const void* from) { std::memcpy(part, from, kRowSize); }
  __attribute__((always_inline)) void Mix(const Row& with) {
    for (size_t i = 0; i < kParts; ++i) {
      Words mixed = part[i] ^ with.part[i];
      part[i] = mixed * kPrime ^ (mixed >> 17);
    }
  }
};

// Inlined into one function per instruction set, which is what lets the compiler use it.
template <typename Words>
__attribute__((always_inline)) inline uint32_t HashColumns(const uint8_t* page) {
  Row<Words> sums;
  sums.Load(kStart);
  Row<Words> row;
  uint8_t first[kRowSize];
  std::memcpy(first, page, kRowSize);
  std::memset(first + kChecksumFieldAt, 0, sizeof(uint16_t));
  row.Load(first);
  sums.Mix(row);
  for (size_t i = 1; i < kRows; ++i) {
    row.Load(page + i * kRowSize);
    sums.Mix(row);
  }
  row = {};
  sums.Mix(row);
  sums.Mix(row);
  uint32_t columns[kColumns];
  std::memcpy(columns, sums.part, kRowSize);
  uint32_t hash = 0;
  for (uint32_t column : columns) hash ^= column;
  return hash;
}

uint16_t Reduce(uint32_t hash, uint32_t block_number) {
  return static_cast<uint16_t>((hash ^ block_number) % kModulus + 1);
}

uint16_t ChecksumPlain(const uint8_t* page, uint32_t block_number) {
  return Reduce(HashColumns<Words4>(page), block_number);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) uint16_t ChecksumAvx2(const uint8_t* page, uint32_t block_number) {
  return Reduce(HashColumns<Words8>(page), block_number);
}
__attribute__((target("avx512f"))) uint16_t ChecksumAvx512(const uint8_t* page,
                                                           uint32_t block_number) {
  return Reduce(HashColumns<Words16>(page), block_number);
}
#endif

}  // namespace

// Chosen by hand, and not by target_clones: its resolvers run before the sanitizers are ready.
std::vector<PageChecksumFunction> PageChecksumFunctions() {
  std::vector<PageChecksumFunction> functions;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) functions.push_back(ChecksumAvx512);
  if (__builtin_cpu_supports("avx2")) functions.push_back(ChecksumAvx2);
#endif
  functions.push_back(ChecksumPlain);
  return functions;
}

uint16_t PageChecksum(const uint8_t* page, uint32_t block_number) {
  static const PageChecksumFunction fastest = PageChecksumFunctions().front();
  return fastest(page, block_number);
}

}  // namespace pgcairn::postgres
