#include "commands/verify_wal_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "commands/verify_report.h"
#include "postgres/lsn.h"
#include "postgres/wal/timeline_history.h"
#include "postgres/wal/wal_page.h"
#include "postgres/wal/wal_summary.h"

namespace pgcairn::commands {
namespace {

using postgres::WalFileKind;

Status CheckHeader(const repository::WalStore& wal, const std::string& file, uint64_t segment_bytes,
                   ByteView bytes) {
  ASSIGN_OR_RETURN(postgres::WalSegmentHeader header, postgres::ReadWalSegmentHeader(bytes));
  if (header.system_identifier.value != wal.system_identifier()) {
    return Damaged(fmt::format("{} holds the log of the PostgreSQL cluster {}", file,
                               header.system_identifier.value));
  }
  auto named = postgres::ParseWalSegmentName(file.substr(0, 24), header.segment_size);
  if (header.segment_size != segment_bytes || bytes.size() != segment_bytes || !named) {
    return Damaged(fmt::format("{} is no segment of {} bytes", file, segment_bytes));
  }
  if (postgres::SegmentStart(*named, header.segment_size) != header.start ||
      header.timeline > named->timeline) {
    return Damaged(fmt::format("{} holds the log from {} of timeline {}", file,
                               header.start.ToText(), header.timeline.value));
  }
  return {};
}

bool SameTime(bool has, int64_t unix_us, const std::optional<Timestamp>& time) {
  return has == time.has_value() && (!has || unix_us == time->unix_us);
}

bool SameCreation(const format::TablespaceCreation& kept,
                  const postgres::TablespaceCreation& read) {
  return kept.oid() == read.oid && kept.location() == read.location &&
         kept.lsn() == read.start.value;
}

// Restores decide by what the summary says where recovery can stop.
Status CheckSummary(const std::string& file, const format::WalInfo& info, ByteView bytes) {
  if (!info.has_summary()) return {};
  const format::WalSummary& kept = info.summary();
  ASSIGN_OR_RETURN(postgres::WalSegmentSummary read, postgres::SummarizeWal(bytes));
  bool same = kept.valid_end() == read.valid_end.value &&
              kept.transaction_end_count() == read.transaction_end_count &&
              kept.tail_incomplete() == read.tail_incomplete &&
              SameTime(kept.has_min_time_us(), kept.min_time_us(), read.min_time) &&
              SameTime(kept.has_max_time_us(), kept.max_time_us(), read.max_time) &&
              static_cast<size_t>(kept.named_points_size()) == read.named_points.size() &&
              std::ranges::equal(kept.tablespaces(), read.tablespaces, SameCreation);
  for (size_t i = 0; same && i < read.named_points.size(); ++i) {
    const format::NamedPoint& point = kept.named_points(static_cast<int>(i));
    same =
        point.name() == read.named_points[i].name && point.lsn() == read.named_points[i].end.value;
  }
  if (same) return {};
  return Damaged(fmt::format("what is kept about {} is not what its records say", file));
}

}  // namespace

Status VerifyWalFile(const repository::WalStore& wal, const std::string& file,
                     uint64_t segment_bytes,
                     const std::function<Status(ByteView identity)>& check_identity) {
  ASSIGN_OR_RETURN(repository::WalFile fetched, wal.Fetch(file));
  if (fetched.info.system_identifier() != wal.system_identifier()) {
    return Damaged(fmt::format("{} was archived for the PostgreSQL cluster {}", file,
                               fetched.info.system_identifier()));
  }
  RETURN_IF_ERROR(check_identity(fetched.identity.view()));
  switch (postgres::KindOfWalFile(file)) {
    case WalFileKind::kSegment:
    case WalFileKind::kPartialSegment:
      RETURN_IF_ERROR(CheckHeader(wal, file, segment_bytes, fetched.bytes));
      return CheckSummary(file, fetched.info, fetched.bytes);
    case WalFileKind::kHistory:
      return postgres::ParseTimelineHistory(AsText(fetched.bytes)).status();
    case WalFileKind::kBackupHistory:
    case WalFileKind::kOther:
      break;
  }
  return {};
}

}  // namespace pgcairn::commands
