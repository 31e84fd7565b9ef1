// Which files of a backup a restore fills: all of them, or what one database needs.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "commands/recovery_plan.h"
#include "postgres/wal/wal_blocks.h"
#include "repository/cluster_access.h"
#include "repository/map/stream_list.h"
#include "util/result.h"

namespace pgcairn::commands {

// Relation files of other databases are left as zeros of their size, but for those whose pages
// recovery needs (pages_read.h); whatever is no relation file is there, and so is what all
// databases share. Such a data directory recovers to the selection's database, and the others are
// lost in it.
struct RestoreSelection {
  // Why nothing is left out; empty when something is.
  std::string everything_because = "all of it is wanted";
  uint32_t database = 0;                     // oid
  std::set<postgres::RelationId> relations;  // of other databases, that are needed
  uint64_t bytes = 0;                        // of the files that are filled
  uint64_t bytes_left_out = 0;               // that stay zeros

  bool Fills(const repository::StreamEntry& entry) const;
};

// The whole backup.
RestoreSelection SelectEverything(const format::Manifest& manifest);

// What is needed to have the database of that name as it is where recovery of the plan ends. All of
// it when less would not be safe: the log has records that cannot be followed, or was written
// without full pages; the database is not in the backup, or was copied from another one since. And
// when the other databases are smaller than the log, which is read here to know. Whether the
// database of that name has the oid of the selection is to be asked when recovery is over: it may
// have been renamed. Errors: kDamaged, kNotFound: a stream list or a segment cannot be read.
Result<RestoreSelection> SelectForDatabase(const repository::ClusterAccess& cluster,
                                           const RecoveryPlan& plan, const std::string& database);

}  // namespace pgcairn::commands
