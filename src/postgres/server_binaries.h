// Where the programs of a PostgreSQL major version are on this machine.
#pragma once

#include <string>

#include "util/result.h"

namespace pgcairn::postgres {

// The directory that holds postgres and pg_ctl of `major`: `configured_bin_dir` when it is not "",
// else Debian's place for that version. `postgres --version` is run to be sure.
// Errors: kNotFound naming the Debian package, kUsage when the configured directory holds another
// version or none.
Result<std::string> FindServerBinaries(int major, const std::string& configured_bin_dir);

}  // namespace pgcairn::postgres
