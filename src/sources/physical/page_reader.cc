#include "sources/physical/page_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "postgres/page.h"
#include "postgres/page_checksum.h"
#include "postgres/relation_path.h"

namespace pgcairn::sources {
namespace {

constexpr size_t kBadPagesKept = 1000;
// A page that is being written begins with its new LSN, by which it is known, and is whole again in
// microseconds. One that stays the same over a pause and is neither is bad.
constexpr int kReadsMax = 10;
constexpr auto kPauseBetweenReads = std::chrono::milliseconds(10);

}  // namespace

void PageFindings::AddChecked(uint64_t pages) {
  std::lock_guard lock(mutex_);
  checked_ += pages;
}

void PageFindings::AddTorn() {
  std::lock_guard lock(mutex_);
  ++torn_;
}

void PageFindings::AddBad(BadPage page) {
  std::lock_guard lock(mutex_);
  ++bad_count_;
  if (bad_.size() < kBadPagesKept) bad_.push_back(std::move(page));
}

uint64_t PageFindings::checked() const {
  std::lock_guard lock(mutex_);
  return checked_;
}

uint64_t PageFindings::torn() const {
  std::lock_guard lock(mutex_);
  return torn_;
}

uint64_t PageFindings::bad_count() const {
  std::lock_guard lock(mutex_);
  return bad_count_;
}

std::vector<BadPage> PageFindings::bad_pages() const {
  std::lock_guard lock(mutex_);
  return bad_;
}

Status PageReader::Open(const postgres::DataFile& file, const Slice& slice) {
  path_ = file.path;
  full_path_ = options_.data_directory + "/" + file.path;
  offset_ = slice.offset;
  end_ = slice.offset + slice.length;
  check_pages_ = false;
  if (file.is_relation && options_.data_checksums) {
    if (auto relation = postgres::ParseRelationPath(file.path)) {
      auto first = postgres::FirstBlock(*relation, options_.relation_segment_pages);
      check_pages_ = first.has_value();
      first_block_ = first.value_or(0);
    }
  }
  Result<UniqueFd> fd = pgcairn::Open(full_path_, O_RDONLY);
  if (!fd.ok() && fd.code() == Code::kNotFound) {
    fd_ = UniqueFd();
    return {};
  }
  RETURN_IF_ERROR(fd);
  fd_ = std::move(*fd);
  ::posix_fadvise(fd_.get(), static_cast<off_t>(slice.offset), static_cast<off_t>(slice.length),
                  POSIX_FADV_SEQUENTIAL);
  return {};
}

bool PageReader::IsAsListed(const postgres::DataFile& file) const {
  struct stat info {};
  if (!fd_.valid() || ::fstat(fd_.get(), &info) != 0) return false;
  auto ns = [](const struct timespec& time) {
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  return static_cast<uint64_t>(info.st_size) == file.size && ns(info.st_mtim) == file.mtime_ns &&
         ns(info.st_ctim) == file.ctime_ns && info.st_ino == file.inode;
}

void PageReader::AskWhichAreKnown(ByteView pages, const IsKnown& is_known) {
  known_.assign((pages.size() + postgres::kPageSize - 1) / postgres::kPageSize, false);
  if (!is_known) return;
  for (size_t i = 0; i < known_.size(); ++i) {
    ByteView rest = pages.subspan(i * postgres::kPageSize);
    ByteView page = rest.first(std::min<size_t>(rest.size(), postgres::kPageSize));
    known_[i] = is_known(page) && page.size() == postgres::kPageSize &&
                postgres::PageLsn(page.data()) < options_.judged_before;
  }
}

Result<size_t> PageReader::Read(std::span<uint8_t> room, const IsKnown& is_known) {
  if (!fd_.valid() || offset_ >= end_) return size_t{0};
  uint64_t wanted = std::min<uint64_t>(room.size(), end_ - offset_);
  if (offset_ + wanted < end_) wanted -= wanted % postgres::kPageSize;
  ASSIGN_OR_RETURN(size_t got, ReadAt(fd_.get(), room.first(wanted), offset_, full_path_));
  AskWhichAreKnown(room.first(got), is_known);
  if (check_pages_) RETURN_IF_ERROR(CheckPages(room.first(got), offset_));
  // A short read is the end of a file that was truncated meanwhile.
  offset_ = got < wanted ? end_ : offset_ + got;
  return got;
}

Status PageReader::CheckPages(std::span<uint8_t> pages, uint64_t offset) {
  uint64_t count = pages.size() / postgres::kPageSize;
  // The insert position is asked for when it matters; until then nothing newer than the start of
  // the backup is taken on trust.
  postgres::PageCheck check{true, options_.backup_start, options_.backup_start};
  uint64_t checked = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (known_[i]) continue;
    ++checked;
    std::span<uint8_t> page = pages.subspan(i * postgres::kPageSize, postgres::kPageSize);
    auto block = static_cast<uint32_t>(first_block_ + offset / postgres::kPageSize + i);
    if (postgres::CheckPage(page, block, check) == postgres::PageState::kBadChecksum) {
      RETURN_IF_ERROR(Examine(page, offset + i * postgres::kPageSize, block));
    }
  }
  options_.findings->AddChecked(checked);
  return {};
}

Status PageReader::Examine(std::span<uint8_t> page, uint64_t offset, uint32_t block) {
  Bytes before(page.begin(), page.end());
  for (int reads = 0; reads < kReadsMax; ++reads) {
    ASSIGN_OR_RETURN(postgres::Lsn end, options_.insert_position());
    postgres::PageCheck check{true, options_.backup_start, end};
    if (postgres::CheckPage(page, block, check) != postgres::PageState::kBadChecksum) {
      options_.findings->AddTorn();
      return {};
    }
    std::this_thread::sleep_for(kPauseBetweenReads);
    ASSIGN_OR_RETURN(size_t got, ReadAt(fd_.get(), page, offset, full_path_));
    if (got < page.size()) {
      // Truncated meanwhile: WAL says so too. What was read first stands in for the rest.
      std::copy(before.begin() + static_cast<ptrdiff_t>(got), before.end(),
                page.begin() + static_cast<ptrdiff_t>(got));
      options_.findings->AddTorn();
      return {};
    }
    if (std::equal(page.begin(), page.end(), before.begin())) {
      options_.findings->AddBad({path_, static_cast<uint32_t>(offset / postgres::kPageSize)});
      return {};
    }
    before.assign(page.begin(), page.end());
  }
  // It changed each time: somebody is writing it all the while.
  options_.findings->AddTorn();
  return {};
}

}  // namespace pgcairn::sources
