// Which version one of PostgreSQL's programs is of.
#pragma once

#include <string>

#include "util/result.h"

namespace pgcairn::postgres {

// Asks the program at `path` (`--version`). 0: it is none of PostgreSQL's, going by its file name:
// pg_dump says "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)".
Result<int> MajorVersionOf(const std::string& path);

}  // namespace pgcairn::postgres
