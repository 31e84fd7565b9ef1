// What must be true of server, host and settings before a physical backup touches anything.
#pragma once

#include <string>

#include "config/settings.h"
#include "postgres/connection.h"
#include "postgres/control_file.h"
#include "postgres/server_facts.h"
#include "util/result.h"

namespace pgcairn::commands {

// Connects as the settings say. Errors: kUsage when no connection is given, else as
// postgres::Connection::Open.
Result<postgres::Connection> Connect(const config::Settings& settings);

// The data directory as this host sees it: cluster.data_directory, else what the server answers;
// proven to be the server's by its pg_control.
// Errors: kRefused (another cluster's directory; another user's; a repository inside it), kNotFound
// with what to set when the directory is not on this host, kPermission with the `sudo -u` line.
Result<std::string> ProveDataDirectory(const config::Settings& settings,
                                       const postgres::ServerFacts& facts);

// kRefused for a standby, or when archiving is off: with the line to set.
Status CheckReadyForBackup(const postgres::ServerFacts& facts);

// kRefused when `repository` lies in `directory` (the data directory or a tablespace), links
// resolved.
Status RefuseRepositoryInside(const std::string& repository, const std::string& directory);

}  // namespace pgcairn::commands
