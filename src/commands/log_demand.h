// What recovery along a stretch of archived WAL needs of a data directory that does not have all
// pages.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "commands/wal_run.h"
#include "postgres/lsn.h"
#include "postgres/wal/wal_blocks.h"
#include "util/result.h"

namespace pgcairn::commands {

struct LogDemand {
  // Why nothing may be left out; empty when something may.
  std::string everything_because;
  // Relations of other databases whose pages are needed as the backup has them.
  std::set<postgres::RelationId> relations;
};

// For a database of which all is there, as well as of what all databases share. Reads every record
// of the run up to `stop` (nothing: to the run's end). Errors: kDamaged, kUnsupported, kNotFound:
// of the log.
Result<LogDemand> ReadLogDemand(const Archive& archive, const WalRun& run,
                                std::optional<postgres::Lsn> stop, uint32_t database);

}  // namespace pgcairn::commands
