// Whether something that is missed was deleted on purpose: the records that prunes leave.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/notes.pb.h"
#include "repository/cluster_access.h"

namespace pgcairn::commands {

// The record of the prune that deleted it; nothing when there is none that can be read: then nobody
// says that it was meant to go. A record that cannot be read is a warning in the log.
std::optional<format::Deletion> PrunedBackup(const repository::ClusterAccess& cluster,
                                             const std::string& backup_id);
// `name` is a segment's.
std::optional<format::Deletion> PrunedSegment(const repository::ClusterAccess& cluster,
                                              uint64_t system_identifier, std::string_view name);

}  // namespace pgcairn::commands
