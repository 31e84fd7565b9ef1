#include <fmt/format.h>

#include <algorithm>

#include "commands/archived_history.h"
#include "commands/newest_memory.h"
#include "commands/open_cluster.h"
#include "commands/wal.h"
#include "postgres/connection_cells.h"
#include "postgres/lsn.h"
#include "postgres/wal/wal_page.h"
#include "postgres/wal/wal_summary.h"
#include "repository/history_store.h"
#include "repository/wal_store/wal_store.h"
#include "util/file.h"
#include "util/large_buffer.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using postgres::WalFileKind;

void ToMessage(const postgres::WalSegmentSummary& summary, format::WalSummary* message) {
  auto set = [](const std::optional<Timestamp>& from, auto setter) {
    if (from) setter(from->unix_us);
  };
  set(summary.first_time, [&](int64_t us) { message->set_first_time_us(us); });
  set(summary.last_time, [&](int64_t us) { message->set_last_time_us(us); });
  set(summary.min_time, [&](int64_t us) { message->set_min_time_us(us); });
  set(summary.max_time, [&](int64_t us) { message->set_max_time_us(us); });
  set(summary.first_commit_time, [&](int64_t us) { message->set_first_commit_time_us(us); });
  set(summary.last_commit_time, [&](int64_t us) { message->set_last_commit_time_us(us); });
  message->set_transaction_end_count(summary.transaction_end_count);
  for (const postgres::XidRange& range : summary.xids) {
    format::XidRange* added = message->add_xids();
    added->set_first(range.first);
    added->set_last(range.last);
  }
  for (const postgres::NamedPoint& point : summary.named_points) {
    format::NamedPoint* added = message->add_named_points();
    added->set_name(point.name);
    added->set_time_us(point.time.unix_us);
    added->set_lsn(point.end.value);
  }
  for (const postgres::TablespaceCreation& creation : summary.tablespaces) {
    format::TablespaceCreation* added = message->add_tablespaces();
    added->set_oid(creation.oid);
    added->set_location(creation.location);
    added->set_lsn(creation.start.value);
  }
  message->set_valid_end(summary.valid_end.value);
  message->set_tail_incomplete(summary.tail_incomplete);
  message->set_ended_by_switch(summary.ended_by_switch);
}

// What the records of a segment say, after a check that it is the segment of that name and cluster.
Result<format::WalInfo> DescribeSegment(const std::string& name, ByteView file,
                                        const format::ClusterHistory& system) {
  ASSIGN_OR_RETURN(postgres::WalSegmentHeader header,
                   postgres::ReadWalSegmentHeader(file).Context("reading " + name));
  if (header.system_identifier.value != system.system_identifier()) {
    return Error{
        Code::kRefused,
        fmt::format("{} comes from the cluster {}, the repository keeps that of {}", name,
                    header.system_identifier.value, system.system_identifier()),
        "another server archives here: give it its own cluster.name and run `pgcairn init` for it"};
  }
  auto named = postgres::ParseWalSegmentName(name.substr(0, 24), header.segment_size);
  if (!named || postgres::SegmentStart(*named, header.segment_size) != header.start ||
      header.timeline > named->timeline) {
    return Error{Code::kDamaged,
                 fmt::format("{} holds the log from {} of timeline {}, which its name does not say",
                             name, header.start.ToText(), header.timeline.value),
                 "look into the server's log and pg_wal for what renamed it"};
  }
  format::WalInfo info;
  info.set_major_version(static_cast<uint32_t>(header.major_version));
  Result<postgres::WalSegmentSummary> summary = postgres::SummarizeWal(file);
  if (summary.ok()) {
    ToMessage(*summary, info.mutable_summary());
  } else if (summary.code() == Code::kUnsupported) {
    // A record that this program cannot read is still WAL, and must not stop archiving.
    LogWarning("{} is archived without knowing its times: {}", name, summary.error().message);
  } else {
    return std::move(summary).Context("reading " + name).error();
  }
  return info;
}

Result<format::WalInfo> Describe(const std::string& name, ByteView file,
                                 const format::ClusterHistory& system) {
  switch (postgres::KindOfWalFile(name)) {
    case WalFileKind::kSegment:
    case WalFileKind::kPartialSegment:
      return DescribeSegment(name, file, system);
    case WalFileKind::kHistory:
    case WalFileKind::kBackupHistory:
      return format::WalInfo();
    case WalFileKind::kOther:
      break;
  }
  return Error{Code::kUsage, fmt::format("\"{}\" is not the name of a WAL file", name),
               "archive_command passes %p, the path of the file"};
}

// Once on each timeline, as this host remembers: it costs a request to the storage.
Status ArchiveHistoryBeside(const config::Settings& settings, const OpenedCluster& opened,
                            const repository::WalStore& wal, const std::string& path) {
  const std::string name = FileNameOf(path);
  if (postgres::KindOfWalFile(name) != WalFileKind::kSegment) return {};
  Result<RememberedSegment> before = NewestMemory::Of(settings, *opened.cluster).Segment();
  if (before.ok() && before->system_identifier == wal.system_identifier() &&
      before->name.substr(0, 8) == name.substr(0, 8)) {
    return {};
  }
  ASSIGN_OR_RETURN(postgres::TimelineId timeline, postgres::TimelineOfWalFile(name));
  const std::string folder = path.substr(0, path.size() - name.size());
  return ArchiveHistory(wal, timeline, folder.empty() ? "." : folder,
                        static_cast<int>(settings.compression.level));
}

}  // namespace

size_t WalThreads(const config::Settings& settings) {
  constexpr int64_t kWalThreadsMax = 4;
  return static_cast<size_t>(std::clamp<int64_t>(settings.performance.jobs, 1, kWalThreadsMax));
}

Status WalPush(const config::Settings& settings, const std::string& path) {
  std::string name = FileNameOf(path);
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(LargeFile file,
                   ReadLargeFile(path, repository::kWalFileBytesMax, WalThreads(settings)));
  ASSIGN_OR_RETURN(format::ClusterHistory system, SystemHere(*opened.cluster));
  repository::WalStore wal(*opened.cluster, system.system_identifier(), WalThreads(settings));
  auto describe = [&] { return Describe(name, file.buffer.view(), system); };
  ASSIGN_OR_RETURN(repository::PushOutcome outcome,
                   wal.Push(name, {file.content(), file.buffer.view().size()}, describe,
                            static_cast<int>(settings.compression.level)));
  RETURN_IF_ERROR(ArchiveHistoryBeside(settings, opened, wal, path));
  RememberSegment(settings, *opened.cluster, system.system_identifier(), name);
  LogDebug("{}: {}", name,
           outcome == repository::PushOutcome::kStored ? "archived" : "archived before");
  return {};
}

}  // namespace pgcairn::commands
