// Waiting for WAL to reach the archive.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "format/manifest.pb.h"
#include "postgres/connection.h"
#include "postgres/lsn.h"
#include "repository/wal_store/wal_store.h"
#include "util/result.h"

namespace pgcairn::commands {

// Names of all segments that hold WAL from `start` to `stop` (the byte before it).
std::vector<std::string> SegmentsBetween(postgres::TimelineId timeline, postgres::Lsn start,
                                         postgres::Lsn stop, uint64_t segment_bytes);

// Returns when every named segment is in the archive, with its content identity.
// kTimeout after `timeout_s` without progress: the message names the first missing segment, and
// what the server's archiver says about it. `connection` is asked for that; it stays usable.
Result<std::vector<format::WalProof>> WaitForSegments(const repository::WalStore& wal,
                                                      const std::vector<std::string>& names,
                                                      int64_t timeout_s,
                                                      postgres::Connection& connection);

}  // namespace pgcairn::commands
