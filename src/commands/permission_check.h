// Who besides its owner can reach what pgcairn reads and keeps, and whether the server's user can.
#pragma once

#include <string>
#include <vector>

#include "commands/finding.h"
#include "config/settings.h"
#include "postgres/server_facts.h"

namespace pgcairn::commands {

// The repository's folder, the host key file, the log folder, configuration and `.env`, and the
// folders above them: an error where others can change them, a warning where others can read them
// (the key file: an error). What is not there is no finding. Modes only, no access lists.
std::vector<Finding> CheckPermissions(const config::Settings& settings);

// PostgreSQL runs archive_command as the user that owns the data directory: whether that one can
// read configuration and key and write to repository and log folder.
std::vector<Finding> CheckArchiverAccess(const config::Settings& settings,
                                         const std::string& data_directory);

// Every tablespace's folder can be read by the user that pgcairn runs as.
std::vector<Finding> CheckTablespaceAccess(const postgres::ServerFacts& facts);

}  // namespace pgcairn::commands
