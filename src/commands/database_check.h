// What `check` asks of a database that is backed up through a connection alone.
#pragma once

#include <vector>

#include "commands/finding.h"
#include "config/settings.h"
#include "postgres/connection.h"
#include "repository/cluster_access.h"

namespace pgcairn::commands {

// Which way it is backed up and what that does not cover, the programs that are needed, what the
// role may not read, how many sessions there is room for. `cluster` may be null: then nothing is
// said of whose backups the repository holds.
std::vector<Finding> CheckDatabase(const config::Settings& settings,
                                   postgres::Connection& connection,
                                   const repository::ClusterAccess* cluster);

}  // namespace pgcairn::commands
