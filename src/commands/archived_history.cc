#include "commands/archived_history.h"

#include "util/file.h"
#include "util/log.h"

namespace pgcairn::commands {

Status ArchiveHistory(const repository::WalStore& wal, postgres::TimelineId timeline,
                      const std::string& pg_wal, int level) {
  if (timeline.value <= 1) return {};
  // A line for each timeline before; the store's own limit is a segment's.
  constexpr uint64_t kHistoryBytesMax = uint64_t{1} << 20;
  const std::string name = postgres::HistoryFileName(timeline);
  Result<Bytes> read = ReadFile(pg_wal + "/" + name, kHistoryBytesMax);
  if (!read.ok() && read.code() == Code::kNotFound) return {};
  RETURN_IF_ERROR(read.status());
  ASSIGN_OR_RETURN(repository::PushOutcome outcome,
                   wal.Push(
                       name, {*read, read->size()},
                       [] { return Result<format::WalInfo>(format::WalInfo()); }, level));
  if (outcome == repository::PushOutcome::kStored) {
    LogInfo("archived {}, which the server began without archiving", name);
  }
  return {};
}

}  // namespace pgcairn::commands
