// Page checksums of relation files as a backup holds them.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "format/manifest.pb.h"
#include "postgres/page.h"
#include "repository/map/stream_list.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::commands {

// How the pages of one stream are checked; nothing in first_block when they are not.
struct PagesOfStream {
  std::string path;
  std::optional<uint32_t> first_block;
};

// Holds the pages of one backup against what its run said of them. Any number of threads, but for
// Judge.
class PageJudge {
 public:
  // `manifest` outlives it.
  explicit PageJudge(const format::Manifest& manifest);

  PagesOfStream Of(const repository::StreamEntry& stream) const;
  // `unit` counts in the stream; `page` has 8192 bytes.
  void Check(const PagesOfStream& pages, uint64_t unit, ByteView page);

  uint64_t checked() const { return checked_; }
  // When all pages were checked. kDamaged: a page fails its checksum that neither was bad when the
  // backup read it nor can be one of those that were torn.
  Status Judge() const;

 private:
  const format::Manifest& manifest_;
  const postgres::PageCheck check_;
  std::set<std::pair<std::string, uint32_t>> known_bad_;
  std::atomic<uint64_t> checked_{0};
  mutable std::mutex mutex_;
  uint64_t torn_ = 0;
  uint64_t unexplained_ = 0;
  std::string first_unexplained_;
};

}  // namespace pgcairn::commands
