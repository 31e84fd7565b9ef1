// The host's memory of a repository against the repository: was something lost, or put back?
#pragma once

#include <cstdint>
#include <vector>

#include "commands/finding.h"
#include "commands/newest_memory.h"
#include "repository/cluster_access.h"

namespace pgcairn::commands {

// An error for everything that this host saw stored and that is not there any more. To be called
// before anything is archived, for that changes what is remembered.
std::vector<Finding> CheckMemory(const NewestMemory& memory,
                                 const repository::ClusterAccess& cluster);

}  // namespace pgcairn::commands
