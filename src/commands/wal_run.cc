#include "commands/wal_run.h"

#include <optional>
#include <utility>

namespace pgcairn::commands {

Result<Bytes> FetchOnPath(const Archive& archive, const WalRun& run, uint64_t number) {
  if (number > run.last) return Bytes();
  ASSIGN_OR_RETURN(std::optional<postgres::WalSegment> segment,
                   archive.OnPath(run.timeline, number));
  if (!segment) return Bytes();
  ASSIGN_OR_RETURN(repository::WalFile file, archive.wal().Fetch(archive.NameOf(*segment)));
  return std::move(file.bytes);
}

Result<bool> FollowingLog::Extend() {
  ASSIGN_OR_RETURN(Bytes segment, FetchOnPath(archive_, run_, newest_ + 1));
  if (segment.empty()) return false;
  ++newest_;
  Append(bytes_, segment);
  return true;
}

}  // namespace pgcairn::commands
