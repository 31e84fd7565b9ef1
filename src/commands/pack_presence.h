// Whether all that a backup needs is still stored.
#pragma once

#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

// Asks for each pack of the backup's reference list by name and length; what is in them is not
// read. kNotFound, kDamaged: a pack is missing or of another length, or the list cannot be read.
Status RequirePacks(const repository::ClusterAccess& cluster, const format::Manifest& manifest);

}  // namespace pgcairn::commands
