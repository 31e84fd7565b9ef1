// Which moments damage takes away.
#pragma once

#include <vector>

#include "commands/recovery_window.h"
#include "commands/verify_report.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

// Adds to each damaged WAL file, and to each object that a damaged backup needs, which part of the
// recovery window it hurts. `manifests` are all that can be read, oldest first; `windows` what can
// be restored without what is damaged, whose objects `cluster` no longer shows.
Status AddLostParts(const repository::ClusterAccess& cluster,
                    const std::vector<format::Manifest>& manifests, const ClusterWindows& windows,
                    Findings& findings);

}  // namespace pgcairn::commands
