// Whether a PostgreSQL server works on files that are about to be written.
#pragma once

#include <string>

#include "util/result.h"

namespace pgcairn::commands {

// A server of another host or container, on a file system that both share, cannot be seen by any
// of these.

// kRefused when a process of a server has the directory as its own. A server whose directory was
// emptied under it would write its old state over the restored files.
Status RefuseRunningServer(const std::string& data_directory);

// kRefused when the directory's postmaster.pid names a process that lives.
Status RefuseLivePidFile(const std::string& data_directory);

// kRefused when a running server of this user has `place`, a directory, as its pg_wal or as a
// tablespace. A copy of a data directory has links that lead to the original's files.
Status RefuseUsedByServer(const std::string& place);

}  // namespace pgcairn::commands
