// Of which relations recovery needs the pages as the backup has them.
//
// With full_page_writes the first record about a page after a checkpoint brings the whole page, and
// redo needs nothing else of it. There are exceptions: a heap page that becomes all-visible is not
// logged whole where hints are not (log_heap_visible in src/backend/access/heap/heapam.c), nor the
// bucket page whose overflow pages are squeezed (_hash_squeezebucket in
// src/backend/access/hash/hashovfl.c). Instead of knowing them all, this looks at every block that
// the log names.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "postgres/wal/wal_blocks.h"

namespace pgcairn::commands {

// Takes the blocks of a log in its order. Bounded: 64 MiB of notes; a relation that does not fit is
// taken for one that is needed. Not for two threads at once.
class PagesRead {
 public:
  explicit PagesRead(size_t ranges_max = size_t{1} << 17) : ranges_max_(ranges_max) {}

  // The same stretch of log may be given twice.
  void Add(const postgres::WalBlock& block);
  // Those with a page that is changed before it is replaced.
  const std::set<postgres::RelationId>& relations() const { return relations_; }

 private:
  static constexpr uint32_t kRangeBlocks = 4096;
  using Range = std::pair<uint8_t, uint32_t>;  // fork, number
  using Ranges = std::map<Range, std::bitset<kRangeBlocks>>;

  void Need(const postgres::RelationId& relation);
  void NeedLargest();

  const size_t ranges_max_;
  size_t ranges_ = 0;
  std::map<postgres::RelationId, Ranges> replaced_;
  std::set<postgres::RelationId> relations_;
};

}  // namespace pgcairn::commands
