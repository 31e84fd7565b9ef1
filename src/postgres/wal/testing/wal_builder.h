// Writes log for tests: records with right links and checksums, laid out over pages and segments.
#pragma once

#include <cstdint>
#include <string_view>

#include "postgres/lsn.h"
#include "postgres/wal/wal_page.h"
#include "util/bytes.h"

namespace pgcairn::postgres::testing {

// What comes after a record's header: `data` as main data, nothing else.
Bytes MainDataOnly(ByteView data);
// A commit's or abort's time, without anything optional.
Bytes TimeOnly(int64_t since_2000_us);

class WalBuilder {
 public:
  struct Options {
    uint16_t magic = 0xD110;
    uint32_t segment_size = kWalSegmentBytesMin;
    uint64_t segment_number = 3;
    TimelineId timeline{1};
    SystemIdentifier system{0x5EED};
    // Where the record before the first one begins; 0 after initdb.
    uint64_t previous = 0;
  };
  WalBuilder() : WalBuilder(Options()) {}
  explicit WalBuilder(Options options);

  // Appends a record; `rest` is everything after its header. Returns where it begins.
  Lsn Add(uint8_t resource_manager, uint8_t info, uint32_t xid, ByteView rest);
  Lsn AddCommit(uint32_t xid, int64_t since_2000_us);
  Lsn AddAbort(uint32_t xid, int64_t since_2000_us);
  Lsn AddPoint(std::string_view name, int64_t since_2000_us);
  // CREATE TABLESPACE.
  Lsn AddTablespace(uint32_t oid, std::string_view location);
  // A record of no interest that takes up `total_bytes`, from 32 on.
  Lsn AddOther(uint32_t total_bytes);
  // Adds records of no interest until the next one would begin `bytes` before the segment's end.
  void FillSegmentUpTo(uint32_t bytes);
  // Ends the segment as pg_switch_wal() does.
  void Switch();
  // Pages from the next one on carry this timeline.
  void SetTimeline(TimelineId timeline) { options_.timeline = timeline; }
  // Forgets everything after the page that holds `position`; the next page, where the next record
  // goes, says that it replaces a lost continuation.
  void CrashAfterPageOf(Lsn position, Lsn last_whole_record);

  // Where the next record begins, or the page before whose header it does.
  Lsn Position() const { return Lsn{base_ + log_.size()}; }
  // The log so far, with zeros up to the end of the segment.
  Bytes Segment(size_t index) const;
  Bytes& log() { return log_; }
  uint64_t base() const { return base_; }

 private:
  void BeginPage(uint32_t remaining, bool overwrites);
  void AppendOverPages(ByteView record);

  Options options_;
  uint64_t base_;
  uint64_t previous_;
  bool overwrites_next_ = false;
  Bytes log_;
};

}  // namespace pgcairn::postgres::testing
