// The 16-bit checksum in the header of every page of a relation.
//
// Source: src/include/storage/checksum_impl.h (the algorithm and its constants), bufpage.h (where
// the page keeps it).
#pragma once

#include <cstdint>
#include <vector>

namespace pgcairn::postgres {

inline constexpr uint32_t kPageSize = 8192;

// What the checksum field of `page` (kPageSize bytes, any alignment) must hold when the page is
// block `block_number` of its fork, counted through all segments. The field itself does not count,
// and the page is not written to. Never 0. Not meant for all-zero pages, which have no checksum.
uint16_t PageChecksum(const uint8_t* page, uint32_t block_number);

// The ways that this machine's processor offers to do it, the one in use first. All give the same:
// a test compares them.
using PageChecksumFunction = uint16_t (*)(const uint8_t* page, uint32_t block_number);
std::vector<PageChecksumFunction> PageChecksumFunctions();

}  // namespace pgcairn::postgres
