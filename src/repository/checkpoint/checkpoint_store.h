// Checkpoints: what an unfinished backup has stored already, for the one that goes on from there
// (docs/format.md, section 16).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/checkpoint.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::repository {

// Durable when it returns OK. The caller has made durable before what the checkpoint names.
// kAlreadyExists: that number is taken.
Status PutCheckpoint(const ClusterAccess& cluster, uint32_t number,
                     const format::Checkpoint& checkpoint);

// Ids of all runs that left any, oldest first.
Result<std::vector<std::string>> ListCheckpointedRuns(const ClusterAccess& cluster);

// All of a run; none when it left none.
struct RunCheckpoints {
  std::vector<format::Checkpoint> readable;  // in order
  // Damaged ones, those sealed with a key that is not at hand or written by a newer program, and
  // those that went away while they were read: a message each.
  std::vector<std::string> unreadable;
};
// Errors are those of the storage.
Result<RunCheckpoints> ReadCheckpoints(const ClusterAccess& cluster, const std::string& run_id);

// Durable when it returns OK.
Status RemoveCheckpoints(const ClusterAccess& cluster, const std::string& run_id);

}  // namespace pgcairn::repository
