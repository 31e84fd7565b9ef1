// Leases: how runs keep out of each other's way (design: safety rule 3).
#pragma once

#include <string>

#include "repository/cluster_access.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::repository {

// Says that the backup `backup_id` is being made by this process. Durable when it returns OK.
// kAlreadyExists: another run has that id.
Status WriteLease(const ClusterAccess& cluster, const std::string& backup_id, Timestamp started);
// The run is over, with or without a manifest.
Status RemoveLease(const ClusterAccess& cluster, const std::string& backup_id);

}  // namespace pgcairn::repository
