#include "postgres/page.h"

#include <cstring>

#include "util/result.h"

namespace pgcairn::postgres {

PageState CheckPage(ByteView page, uint32_t block_number, const PageCheck& check) {
  CHECK(page.size() == kPageSize);
  if (IsZeroPage(page.data())) return PageState::kZero;
  if (!check.checksums) return PageState::kValid;
  if (StoredPageChecksum(page.data()) == PageChecksum(page.data(), block_number)) {
    return PageState::kValid;
  }
  Lsn lsn = PageLsn(page.data());
  return lsn >= check.backup_start && lsn <= check.plausible_end ? PageState::kNewerThanStart
                                                                 : PageState::kBadChecksum;
}

bool IsZeroPage(const uint8_t* page) {
  // Every byte equals its neighbour eight places on, and the first eight are zero.
  return LoadLe<uint64_t>(page) == 0 && std::memcmp(page, page + 8, kPageSize - 8) == 0;
}

Lsn PageLsn(const uint8_t* page) {
  // The high half comes first, each half in the machine's order (PageXLogRecPtr).
  return {static_cast<uint64_t>(LoadLe<uint32_t>(page)) << 32 | LoadLe<uint32_t>(page + 4)};
}

uint16_t StoredPageChecksum(const uint8_t* page) { return LoadLe<uint16_t>(page + 8); }

}  // namespace pgcairn::postgres
