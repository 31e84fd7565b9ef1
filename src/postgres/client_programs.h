// PostgreSQL's client programs on this machine: pg_dump, pg_restore, psql.
#pragma once

#include <string>

#include "util/result.h"

namespace pgcairn::postgres {

struct ClientProgram {
  std::string path;
  int major = 0;
};

// One that can work with a server of `server_major`: pg_dump refuses newer servers than itself, and
// reads all older ones that are still in use. From `configured_bin_dir` when that is not ""; else
// of Debian's the oldest that is new enough, whose output the server understands best, and then the
// one that PATH names.
// Errors: kNotFound, with the package that holds one; kUsage when the configured directory has none
// or an older one.
Result<ClientProgram> FindClientProgram(const std::string& name, int server_major,
                                        const std::string& configured_bin_dir);

}  // namespace pgcairn::postgres
