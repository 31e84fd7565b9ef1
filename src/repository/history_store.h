// Which PostgreSQL clusters a cluster directory has been (docs/format.md, `history/`).
#pragma once

#include <vector>

#include "format/keys.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::repository {

// Oldest first. kDamaged, kWrongKey.
Result<std::vector<format::ClusterHistory>> ListHistory(const ClusterAccess& cluster);

// Adds a PostgreSQL cluster; does nothing when its system identifier is there already.
Status RegisterSystem(const ClusterAccess& cluster, uint64_t system_identifier,
                      uint32_t server_version_num, uint64_t wal_segment_size);

// The entry of `system_identifier`. kRefused: the repository's cluster is another one; the message
// names both.
Result<format::ClusterHistory> RequireSystem(const ClusterAccess& cluster,
                                             uint64_t system_identifier);

}  // namespace pgcairn::repository
