// Reads pieces of data files of a running server and judges their pages (rules 7, 9 and 14 of what
// a physical backup must get right).
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "postgres/data_directory.h"
#include "postgres/lsn.h"
#include "sources/physical/leaf_plan.h"
#include "util/file.h"
#include "util/result.h"

namespace pgcairn::sources {

struct BadPage {
  std::string path;    // of the file, relative to the data directory
  uint32_t block = 0;  // in the file
};

// What the pages of one backup looked like. Shared by all readers of the backup; any thread.
class PageFindings {
 public:
  void AddChecked(uint64_t pages);
  void AddTorn();
  void AddBad(BadPage page);

  uint64_t checked() const;
  uint64_t torn() const;
  uint64_t bad_count() const;
  // The first thousand.
  std::vector<BadPage> bad_pages() const;

 private:
  mutable std::mutex mutex_;
  uint64_t checked_ = 0;
  uint64_t torn_ = 0;
  uint64_t bad_count_ = 0;
  std::vector<BadPage> bad_;
};

// What does not change while a backup runs.
struct PageReaderOptions {
  std::string data_directory;
  bool data_checksums = false;
  uint32_t relation_segment_pages = 0;
  postgres::Lsn backup_start;
  // The server's insert position now. Called from any thread, and only when a page is in doubt.
  std::function<Result<postgres::Lsn>()> insert_position;
  PageFindings* findings = nullptr;
  // Start of the earlier backup that pages are compared with. Pages at or past it were not judged
  // then by their checksum, for its WAL brings them again; this backup's does not.
  postgres::Lsn judged_before = {};
};

// Reads one slice after another. Not for two threads at once.
class PageReader {
 public:
  explicit PageReader(const PageReaderOptions& options) : options_(options) {}

  // Begins a slice. A file that is gone reads as empty: WAL says what became of it.
  Status Open(const postgres::DataFile& file, const Slice& slice);

  // Called once for each page that was read, the last one of a file perhaps shorter, in order.
  // True: an earlier backup read the same bytes and reported them if they were bad.
  using IsKnown = std::function<bool(ByteView page)>;

  // Fills `room` from where the last read ended, in whole pages but at the slice's end. Returns the
  // bytes read: 0 when the slice, or the file, has ended. Relation pages that are not known and
  // fail their checksum are read again: torn ones are WAL's to repair, two equal reads are a
  // BadPage in the findings, and in both cases the bytes are delivered as they are, which then are
  // not those that `is_known` saw.
  Result<size_t> Read(std::span<uint8_t> room, const IsKnown& is_known = {});
  // Goes on `bytes` further on.
  void Skip(uint64_t bytes) { offset_ += bytes; }

  // The file that is open still has the size, times and inode of the listing: what was read from it
  // up to now was written before, or behind the file system's back. A write has changed the times
  // by the time that its bytes can be read.
  bool IsAsListed(const postgres::DataFile& file) const;

  // The file was not there.
  bool vanished() const { return !fd_.valid(); }

 private:
  Status CheckPages(std::span<uint8_t> pages, uint64_t offset);
  void AskWhichAreKnown(ByteView pages, const IsKnown& is_known);
  Status Examine(std::span<uint8_t> page, uint64_t offset, uint32_t block);

  const PageReaderOptions& options_;
  UniqueFd fd_;
  std::string path_;
  std::string full_path_;
  bool check_pages_ = false;
  std::vector<bool> known_;  // of the pages of the last read
  uint32_t first_block_ = 0;
  uint64_t offset_ = 0;
  uint64_t end_ = 0;
};

}  // namespace pgcairn::sources
