// The state of one page of a relation file, as far as a backup has to know it.
//
// Source: src/include/storage/bufpage.h (page header), src/backend/backup/basebackup.c (which pages
// a base backup checks).
#pragma once

#include <cstdint>

#include "postgres/lsn.h"
#include "postgres/page_checksum.h"
#include "util/bytes.h"

namespace pgcairn::postgres {

enum class PageState {
  kZero,            // every byte is 0: allocated, never written; valid
  kValid,           // the checksum is right, or the cluster has none
  kNewerThanStart,  // wrong checksum, but WAL from the backup's start on brings the whole page
                    // again
  kBadChecksum,     // torn while it was read, or damaged: only a second read can tell
};

struct PageCheck {
  // Of the cluster; without them every page is kZero or kValid.
  bool checksums = true;
  // The start LSN of the backup: replay overwrites a page that was written at or after it.
  Lsn backup_start;
  // No page read up to now can have an LSN past this one: the server's insert position, asked after
  // the page was read. What lies past it is rubbish, and the page's checksum counts. A stale value
  // errs towards kBadChecksum: ask again before a second wrong read is taken for damage.
  Lsn plausible_end;
};

// `page` has kPageSize bytes. Where it begins with a page's LSN is not proof of anything: a page is
// judged by its checksum first, whatever its header says. A page with pd_upper = 0 is kZero only if
// all its bytes are.
PageState CheckPage(ByteView page, uint32_t block_number, const PageCheck& check);

// kPageSize bytes, any alignment.
bool IsZeroPage(const uint8_t* page);
// The LSN in the page's header: the end of the WAL record that changed it last.
Lsn PageLsn(const uint8_t* page);
// The checksum in the page's header.
uint16_t StoredPageChecksum(const uint8_t* page);

}  // namespace pgcairn::postgres
