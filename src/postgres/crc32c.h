// CRC-32C (Castagnoli), which PostgreSQL puts in pg_control and in every WAL record.
//
// Source: src/include/port/pg_crc32c.h (start value and final inversion).
#pragma once

#include <cstdint>

#include "util/bytes.h"

namespace pgcairn::postgres {

// The checksum of `bytes` that follow bytes with the checksum `before`; 0 stands for "none before".
uint32_t Crc32c(ByteView bytes, uint32_t before = 0);
// The same without the processor's instruction for it, some twenty times slower.
uint32_t Crc32cPortable(ByteView bytes, uint32_t before = 0);

}  // namespace pgcairn::postgres
