// Takes a data directory from the servers: from then on none starts in it.
#pragma once

#include <string>

#include "util/result.h"

namespace pgcairn::commands {

// Removes pg_control, durably. Meanwhile postmaster.pid is this process's, as a server's would be:
// one that is started in that moment finds either the file or no pg_control. A directory without
// pg_control is taken already.
// kRefused: a server runs, or was started since that was last asked.
Status TakeFromServers(const std::string& data_directory);

}  // namespace pgcairn::commands
