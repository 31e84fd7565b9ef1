// What one segment of the write-ahead log means for a recovery: which moments, transactions and
// named points can be reached with it, and which tablespaces it makes.
//
// Source: recoveryStopsBefore, recoveryStopsAfter and getRecordTimestamp in
// src/backend/access/transam/xlogrecovery.c (xlog.c before version 15).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "postgres/lsn.h"
#include "postgres/wal/wal_page.h"
#include "postgres/wal/wal_record.h"
#include "postgres/wal/xid_ranges.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::postgres {

struct WalSegmentSummary {
  WalSegmentHeader header;

  // Times of commit and abort records, for recovery to a time stops at either: of the first and the
  // last record, and the smallest and the greatest value. They differ, for times are taken before
  // records are written.
  std::optional<Timestamp> first_time, last_time;
  std::optional<Timestamp> min_time, max_time;
  // Of commit records alone.
  std::optional<Timestamp> first_commit_time, last_commit_time;
  uint64_t transaction_end_count = 0;
  // Use AnyHolds(): "transaction X may end in this segment".
  std::vector<XidRange> xids;
  std::vector<NamedPoint> named_points;         // in the order of the log
  std::vector<TablespaceCreation> tablespaces;  // likewise

  Lsn first_record;  // 0 when no whole record begins here
  // The end of the last whole record that begins here (after a switch that is the segment's end);
  // the segment's start when there is none.
  Lsn valid_end;
  // The last record begins here and goes on in the next segment, and it is, or may be, one of those
  // above. It is counted in nothing above: ForEachRecoveryStop() and ForEachTablespace() read it.
  bool tail_incomplete = false;
  bool ended_by_switch = false;
};

// `segment` holds a whole segment's bytes; it may end in zeros or in old bytes of a recycled file,
// which are left out by their addresses, links and checksums: how a log ends is not an error.
// Takes time in proportion to the valid part. Safe for any bytes.
// Errors: those of ReadWalSegmentHeader(); kDamaged when the bytes are fewer or more than the
// header's segment size; kUnsupported for a record that ends a transaction in an unknown form.
Result<WalSegmentSummary> SummarizeWal(ByteView segment);

// Calls back, in the order of the log, for every transaction end and named point whose record
// begins in `segment`. `next` holds the segment that follows (or several, one after another) and
// only serves to complete a record that crosses the end of `segment`; without it such a record is
// left out. Errors: as above, for `next` too when it is given and does not follow `segment`;
// kNotFound when a record that could be one of these goes on past the end of a `next` that is not
// empty: give further segments.
Status ForEachRecoveryStop(ByteView segment, ByteView next,
                           const std::function<void(const TransactionEnd&)>& on_end,
                           const std::function<void(const NamedPoint&)>& on_point);

// Likewise for every tablespace that is made, whatever form other records have.
Status ForEachTablespace(ByteView segment, ByteView next,
                         const std::function<void(const TablespaceCreation&)>& on_creation);

}  // namespace pgcairn::postgres
