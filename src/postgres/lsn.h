// PostgreSQL's positions in the write-ahead log and the names of its files.
//
// Source: src/include/access/xlog_internal.h (XLogFileName and the like), xlogdefs.h.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgcairn::postgres {

// A byte position in the write-ahead log; 0 is "none".
struct Lsn {
  uint64_t value = 0;
  friend auto operator<=>(const Lsn&, const Lsn&) = default;
  // As PostgreSQL prints it: "0/3000060".
  std::string ToText() const;
};
std::optional<Lsn> ParseLsn(std::string_view text);

struct TimelineId {
  uint32_t value = 0;
  friend auto operator<=>(const TimelineId&, const TimelineId&) = default;
};

// Identifies one initdb'ed cluster for its whole life, copies included.
struct SystemIdentifier {
  uint64_t value = 0;
  friend auto operator<=>(const SystemIdentifier&, const SystemIdentifier&) = default;
};

// One file of the write-ahead log: timeline and number (LSN / segment size).
struct WalSegment {
  TimelineId timeline;
  uint64_t number = 0;
  friend auto operator<=>(const WalSegment&, const WalSegment&) = default;
};

// `size_bytes` is the cluster's segment size, a power of two from 1 MiB to 1 GiB.
std::string WalSegmentName(WalSegment segment, uint64_t size_bytes);
std::optional<WalSegment> ParseWalSegmentName(std::string_view name, uint64_t size_bytes);
// The segment that holds the byte at `lsn`.
WalSegment SegmentHolding(TimelineId timeline, Lsn lsn, uint64_t size_bytes);
// The segment that holds the byte before `lsn`: where the log up to `lsn` ends.
WalSegment SegmentBefore(TimelineId timeline, Lsn lsn, uint64_t size_bytes);
Lsn SegmentStart(WalSegment segment, uint64_t size_bytes);

// What a file in pg_wal or handed to archive_command is, by its name alone.
enum class WalFileKind {
  kSegment,         // 24 hexadecimal digits
  kPartialSegment,  // a segment's name + ".partial"
  kHistory,         // 8 hexadecimal digits + ".history"
  kBackupHistory,   // a segment's name + "." + 8 hexadecimal digits + ".backup"
  kOther,
};
WalFileKind KindOfWalFile(std::string_view name);
std::string HistoryFileName(TimelineId timeline);

}  // namespace pgcairn::postgres
