// Pages of the write-ahead log: the header at the start of a segment and those of its 8 KiB pages.
//
// Source: src/include/access/xlog_internal.h (XLogPageHeaderData, XLogLongPageHeaderData, XLP_*),
// XLogReaderValidatePageHeader in src/backend/access/transam/xlogreader.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "postgres/lsn.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::postgres {

inline constexpr uint32_t kWalPageBytes = 8192;
// The longest page header: that of a segment's first page.
inline constexpr size_t kWalSegmentHeaderBytes = 40;
inline constexpr uint32_t kWalSegmentBytesMin = 1U << 20;
inline constexpr uint32_t kWalSegmentBytesMax = 1U << 30;

// Records and what is left of a continued one take up whole multiples of eight bytes.
constexpr uint64_t WalAligned(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

// What the first page of a segment says about the whole of it.
struct WalSegmentHeader {
  uint16_t magic = 0;
  int major_version = 0;  // 13 to 18
  // Of the first page. In the segment in which a timeline begins the pages before the switch are
  // copies from its parent, so this may be an older timeline than the one in the file's name.
  TimelineId timeline;
  Lsn start;
  SystemIdentifier system_identifier;
  uint32_t segment_size = 0;
  uint32_t block_size = 0;

  Lsn End() const { return Lsn{start.value + segment_size}; }
};

// Needs the first kWalSegmentHeaderBytes bytes of a segment; more are not looked at.
// Errors: kDamaged when the bytes are not the start of a segment; kUnsupported when they are, of an
// unknown version or of another block size than 8192.
Result<WalSegmentHeader> ReadWalSegmentHeader(ByteView segment);

struct WalPageHeader {
  TimelineId timeline;
  uint32_t bytes = 0;      // of the header itself
  uint32_t remaining = 0;  // of the record that is continued here, this page's share included
  bool continues = false;  // begins with the rest of a record
  // The record that was to be continued here was lost in a crash; another begins in its place.
  bool overwrites = false;
};

// `page` must have at least kWalPageBytes bytes. Nothing when it is not the page that belongs at
// `address` in a segment like `segment`: zeros, the rest of a recycled file, another cluster's.
std::optional<WalPageHeader> ReadWalPageHeader(ByteView page, const WalSegmentHeader& segment,
                                               Lsn address);

}  // namespace pgcairn::postgres
