#include "postgres/wal/wal_summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "postgres/wal/wal_reader.h"

namespace pgcairn::postgres {
namespace {

Result<WalSegmentHeader> ReadWholeSegmentHeader(ByteView segment) {
  ASSIGN_OR_RETURN(WalSegmentHeader header, ReadWalSegmentHeader(segment));
  if (segment.size() != header.segment_size) {
    return Error{
        Code::kDamaged,
        fmt::format("a WAL segment of {} bytes has {}", header.segment_size, segment.size()),
        "the file was cut short or is still being written; fetch it again"};
  }
  return header;
}

Status CheckFollows(const WalSegmentHeader& header, ByteView next) {
  ASSIGN_OR_RETURN(WalSegmentHeader following, ReadWalSegmentHeader(next));
  if (following.start == header.End() && following.magic == header.magic &&
      following.system_identifier == header.system_identifier &&
      following.segment_size == header.segment_size) {
    return Status::Ok();
  }
  return Error{Code::kDamaged,
               fmt::format("the segment at {} of system {} does not follow that at {} of system {}",
                           following.start.ToText(), following.system_identifier.value,
                           header.start.ToText(), header.system_identifier.value),
               "give the segments of one cluster in their order"};
}

// Runs the reader to its end. `on_record` sees every record, the others those that are theirs.
template <typename OnRecord, typename OnEnd, typename OnPoint, typename OnTablespace>
Status ReadRecords(WalReader& reader, int major_version, const OnRecord& on_record,
                   const OnEnd& on_end, const OnPoint& on_point,
                   const OnTablespace& on_tablespace) {
  while (reader.Next()) {
    const WalRecord& record = reader.record();
    on_record(record);
    if (EndsTransaction(record)) {
      ASSIGN_OR_RETURN(TransactionEnd end,
                       ReadTransactionEnd(record, reader.Body(), major_version));
      on_end(end);
    } else if (NamesPoint(record)) {
      ASSIGN_OR_RETURN(NamedPoint point, ReadNamedPoint(record, reader.Body(), major_version));
      on_point(std::move(point));
    } else if (CreatesTablespace(record)) {
      ASSIGN_OR_RETURN(TablespaceCreation creation,
                       ReadTablespaceCreation(record, reader.Body(), major_version));
      on_tablespace(std::move(creation));
    }
  }
  return Status::Ok();
}

// The record that could not be completed is, or may be, one that is looked for.
bool MayHideRecord(const WalReader& reader) {
  if (reader.end() != WalEnd::kCutOff) return false;
  const auto& record = reader.cut_off();
  return !record || EndsTransaction(*record) || NamesPoint(*record) || CreatesTablespace(*record);
}

// `next` may be empty.
Result<WalSegmentHeader> ReadHeaders(ByteView segment, ByteView next) {
  ASSIGN_OR_RETURN(WalSegmentHeader header, ReadWholeSegmentHeader(segment));
  if (!next.empty()) RETURN_IF_ERROR(CheckFollows(header, next));
  return header;
}

// After the reader's end.
Status RequireEnough(const WalReader& reader, const WalSegmentHeader& header, ByteView next) {
  if (next.empty() || !MayHideRecord(reader)) return Status::Ok();
  return Error{Code::kNotFound,
               fmt::format("a WAL record that begins in the segment at {} goes on past the {} "
                           "bytes given after it",
                           header.start.ToText(), next.size()),
               "give the segments after that one too"};
}

bool IsCommit(TransactionEndKind kind) {
  return kind == TransactionEndKind::kCommit || kind == TransactionEndKind::kCommitPrepared;
}

void AddTimes(WalSegmentSummary& summary, const TransactionEnd& end) {
  Timestamp time = end.time;
  if (!summary.first_time) summary.first_time = summary.min_time = summary.max_time = time;
  summary.last_time = time;
  summary.min_time = std::min(*summary.min_time, time);
  summary.max_time = std::max(*summary.max_time, time);
  if (!IsCommit(end.kind)) return;
  if (!summary.first_commit_time) summary.first_commit_time = time;
  summary.last_commit_time = time;
}

}  // namespace

Result<WalSegmentSummary> SummarizeWal(ByteView segment) {
  WalSegmentSummary summary;
  ASSIGN_OR_RETURN(summary.header, ReadWholeSegmentHeader(segment));
  summary.valid_end = summary.header.start;
  XidRanges xids;
  WalReader reader(summary.header, segment, {});
  RETURN_IF_ERROR(ReadRecords(
      reader, summary.header.major_version,
      [&](const WalRecord& record) {
        if (summary.first_record.value == 0) summary.first_record = record.start;
        summary.valid_end = record.end;
      },
      [&](const TransactionEnd& end) {
        ++summary.transaction_end_count;
        AddTimes(summary, end);
        xids.Add(end.xid);
      },
      [&](NamedPoint point) { summary.named_points.push_back(std::move(point)); },
      [&](TablespaceCreation creation) { summary.tablespaces.push_back(std::move(creation)); }));
  summary.xids = std::move(xids).Take();
  summary.tail_incomplete = MayHideRecord(reader);
  summary.ended_by_switch = reader.end() == WalEnd::kSwitched;
  return summary;
}

Status ForEachRecoveryStop(ByteView segment, ByteView next,
                           const std::function<void(const TransactionEnd&)>& on_end,
                           const std::function<void(const NamedPoint&)>& on_point) {
  ASSIGN_OR_RETURN(WalSegmentHeader header, ReadHeaders(segment, next));
  WalReader reader(header, segment, next);
  RETURN_IF_ERROR(ReadRecords(
      reader, header.major_version, [](const WalRecord&) {}, on_end, on_point,
      [](const TablespaceCreation&) {}));
  return RequireEnough(reader, header, next);
}

Status ForEachTablespace(ByteView segment, ByteView next,
                         const std::function<void(const TablespaceCreation&)>& on_creation) {
  ASSIGN_OR_RETURN(WalSegmentHeader header, ReadHeaders(segment, next));
  WalReader reader(header, segment, next);
  while (reader.Next()) {
    if (!CreatesTablespace(reader.record())) continue;
    ASSIGN_OR_RETURN(TablespaceCreation creation,
                     ReadTablespaceCreation(reader.record(), reader.Body(), header.major_version));
    on_creation(creation);
  }
  return RequireEnough(reader, header, next);
}

}  // namespace pgcairn::postgres
