// wal_dump SEGMENT...: prints every place at which recovery could stop, one line each, fields
// separated by tabs. The tests compare it with what PostgreSQL's own tools say.
//
//   summary  FILE first_record valid_end count first_us last_us min_us max_us first_commit_us
//            last_commit_us tail_incomplete ended_by_switch xid-xid,...   ("-" for none)
//   end      start end xid time_us kind
//   point    start end time_us name
//
// Give the segments of one timeline in their order: a record that crosses into the next file is
// completed from there.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "postgres/wal/wal_summary.h"
#include "util/file.h"

namespace pgcairn::postgres {
namespace {

std::string TimeText(std::optional<Timestamp> time) {
  return time ? std::to_string(time->unix_us) : "-";
}

const char* KindText(TransactionEndKind kind) {
  switch (kind) {
    case TransactionEndKind::kCommit:
      return "COMMIT";
    case TransactionEndKind::kAbort:
      return "ABORT";
    case TransactionEndKind::kCommitPrepared:
      return "COMMIT_PREPARED";
    case TransactionEndKind::kAbortPrepared:
      return "ABORT_PREPARED";
  }
  return "?";
}

std::string EndText(const TransactionEnd& end) {
  return fmt::format("end\t{}\t{}\t{}\t{}\t{}\n", end.start.ToText(), end.end.ToText(), end.xid,
                     end.time.unix_us, KindText(end.kind));
}

std::string PointText(const NamedPoint& point) {
  return fmt::format("point\t{}\t{}\t{}\t{}\n", point.start.ToText(), point.end.ToText(),
                     point.time.unix_us, point.name);
}

void PrintSummary(const std::string& path, const WalSegmentSummary& summary) {
  std::string xids;
  for (const XidRange& range : summary.xids) {
    xids += fmt::format("{}{}-{}", xids.empty() ? "" : ",", range.first, range.last);
  }
  fmt::print("summary\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", FileNameOf(path),
             summary.first_record.ToText(), summary.valid_end.ToText(),
             summary.transaction_end_count, TimeText(summary.first_time),
             TimeText(summary.last_time), TimeText(summary.min_time), TimeText(summary.max_time),
             TimeText(summary.first_commit_time), TimeText(summary.last_commit_time),
             summary.tail_incomplete, summary.ended_by_switch, xids.empty() ? "-" : xids);
}

// Adds the files after `at` one by one, as long as there are any, until the last record of
// `segment` is complete.
Status PrintStops(const std::vector<std::string>& paths, size_t at, const Bytes& segment,
                  bool needs_next) {
  Bytes next;
  while (true) {
    if (needs_next && ++at < paths.size()) {
      ASSIGN_OR_RETURN(Bytes more, ReadFile(paths[at], kWalSegmentBytesMax));
      Append(next, more);
    }
    std::string lines;
    Status status = ForEachRecoveryStop(
        segment, next, [&](const TransactionEnd& end) { lines += EndText(end); },
        [&](const NamedPoint& point) { lines += PointText(point); });
    bool is_short = !status.ok() && status.code() == Code::kNotFound;
    if (is_short && at < paths.size()) continue;
    fmt::print("{}", lines);
    return is_short ? Status::Ok() : status;
  }
}

Status Dump(const std::vector<std::string>& paths) {
  for (size_t at = 0; at < paths.size(); ++at) {
    ASSIGN_OR_RETURN(Bytes segment, ReadFile(paths[at], kWalSegmentBytesMax));
    auto summary = SummarizeWal(segment).Context(paths[at]);
    RETURN_IF_ERROR(summary.status());
    PrintSummary(paths[at], *summary);
    RETURN_IF_ERROR(PrintStops(paths, at, segment, summary->tail_incomplete).Context(paths[at]));
  }
  return Status::Ok();
}

}  // namespace

int DumpMain(int argc, char** argv) {
  Status status = Dump(std::vector<std::string>(argv + 1, argv + argc));
  if (status.ok()) return 0;
  fmt::print(stderr, "wal_dump: {}\n", status.error().message);
  return 1;
}

}  // namespace pgcairn::postgres

int main(int argc, char** argv) { return pgcairn::postgres::DumpMain(argc, argv); }
