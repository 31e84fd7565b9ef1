// Walks the records that begin in one segment.
//
// Source: XLogDecodeNextRecord, ValidXLogRecord and XLogFindNextRecord in
// src/backend/access/transam/xlogreader.c; XLogRecord in src/include/access/xlogrecord.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "postgres/lsn.h"
#include "postgres/wal/wal_page.h"
#include "util/bytes.h"

namespace pgcairn::postgres {

inline constexpr uint32_t kWalRecordHeaderBytes = 24;

struct WalRecord {
  Lsn start;
  // Just past the record and its padding, as recovery counts it; after a segment switch that is the
  // end of the segment.
  Lsn end;
  uint32_t total_bytes = 0;  // header included
  uint32_t xid = 0;
  uint8_t info = 0;
  uint8_t resource_manager = 0;
};

enum class WalEnd {
  kSegmentFull,  // the next record begins after the segment
  kSwitched,     // the server went on to the next segment before this one was full
  kLogEnds,      // what follows is no log: zeros, old bytes of a recycled file, a torn record
  kCutOff,       // the last record goes on past the bytes that were given
};

// Gives only records whose checksum, link to the record before and continuations are right. The
// first record's link can only be checked to point before the segment. Never reads outside the
// bytes that it was given, whatever they are. Not for several threads at once.
class WalReader {
 public:
  // The views must outlive the reader. `segment` has header.segment_size bytes; `following` holds
  // the log that comes after it (part of a segment or several) or is empty, and only serves to
  // complete a record that begins in `segment`.
  WalReader(const WalSegmentHeader& header, ByteView segment, ByteView following);

  // Moves to the next record; false at the end, for good.
  bool Next();
  const WalRecord& record() const { return record_; }
  // All bytes of record(); valid until the next call of Next() or Body().
  ByteView Body();

  // These are valid once Next() has returned false.
  WalEnd end() const { return *end_; }
  // With kCutOff: what is known of the record that could not be completed (its `end` is not), or
  // nothing when even its header goes on past the given bytes.
  const std::optional<WalRecord>& cut_off() const { return cut_off_; }

 private:
  enum class Step { kRecord, kAgain, kStop };

  ByteView PageAt(uint64_t address) const;
  bool EnterPage(uint64_t address);
  bool SkipContinuedRecord();
  Step ReadRecord();
  Step Gather(uint32_t total_bytes);
  Step StopAtCutOff(uint32_t total_bytes, uint64_t bytes_known);
  Step Accept(ByteView header_bytes, uint64_t end);
  Step Stop(WalEnd end);
  bool LinkIsRight(uint64_t previous) const;
  void CopyHeader(uint8_t* out, size_t size) const;

  const WalSegmentHeader header_;
  const ByteView segment_;
  const ByteView following_;
  const uint64_t segment_end_;
  const uint64_t limit_;  // the address after the last given page

  bool started_ = false;
  std::optional<WalEnd> end_;
  uint64_t position_;  // where the next record is looked for
  std::optional<uint64_t> previous_;
  uint32_t newest_timeline_ = 0;

  // The page that was entered last.
  uint64_t page_address_ = 0;
  ByteView page_;
  WalPageHeader page_header_;

  WalRecord record_;
  std::vector<ByteView> parts_;  // of record_, in order
  Bytes assembled_;
  std::optional<WalRecord> cut_off_;
};

// A record's place among PostgreSQL's kinds. Source: src/include/access/rmgrlist.h,
// src/include/catalog/pg_control.h (XLOG_*).
bool IsSegmentSwitch(const WalRecord& record);

}  // namespace pgcairn::postgres
