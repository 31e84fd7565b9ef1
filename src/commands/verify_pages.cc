#include "commands/verify_pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "postgres/relation_path.h"

namespace pgcairn::commands {

// No page that the backup read can be newer than its stop: the insert position was behind it then.
PageJudge::PageJudge(const format::Manifest& manifest)
    : manifest_(manifest), check_{true, {manifest.start_lsn()}, {manifest.stop_lsn()}} {
  for (const format::BadPage& bad : manifest.bad_pages()) {
    known_bad_.emplace(bad.path(), bad.block());
  }
}

PagesOfStream PageJudge::Of(const repository::StreamEntry& stream) const {
  PagesOfStream pages{stream.path, std::nullopt};
  if (!manifest_.data_checksums() || stream.kind != repository::StreamKind::kRelationFile ||
      stream.root != repository::StreamRoot::kDataDirectory) {
    return pages;
  }
  if (auto relation = postgres::ParseRelationPath(stream.path)) {
    pages.first_block = postgres::FirstBlock(*relation, manifest_.relation_segment_pages());
  }
  return pages;
}

void PageJudge::Check(const PagesOfStream& pages, uint64_t unit, ByteView page) {
  if (!pages.first_block) return;
  ++checked_;
  auto block = static_cast<uint32_t>(*pages.first_block + unit);
  postgres::PageState state = postgres::CheckPage(page, block, check_);
  if (state == postgres::PageState::kZero || state == postgres::PageState::kValid) return;
  std::lock_guard lock(mutex_);
  if (known_bad_.contains({pages.path, static_cast<uint32_t>(unit)})) return;
  if (state == postgres::PageState::kNewerThanStart) {
    ++torn_;
    return;
  }
  if (unexplained_++ == 0) first_unexplained_ = fmt::format("{} block {}", pages.path, unit);
}

Status PageJudge::Judge() const {
  std::lock_guard lock(mutex_);
  // The manifest names the first thousand bad pages only.
  const uint64_t unnamed = manifest_.bad_page_count() -
                           std::min<uint64_t>(manifest_.bad_page_count(), known_bad_.size());
  if (unexplained_ == 0 || torn_ + unexplained_ <= manifest_.pages_torn() + unnamed) return {};
  return Error{Code::kDamaged,
               fmt::format("{} pages fail their checksum although the backup found them good, the "
                           "first is {}",
                           unexplained_, first_unexplained_),
               ""};
}

}  // namespace pgcairn::commands
