#include "postgres/server_binaries.h"

#include <fmt/format.h>
#include <unistd.h>

#include "postgres/program_version.h"

namespace pgcairn::postgres {

Result<std::string> FindServerBinaries(int major, const std::string& configured_bin_dir) {
  bool configured = !configured_bin_dir.empty();
  std::string directory =
      configured ? configured_bin_dir : fmt::format("/usr/lib/postgresql/{}/bin", major);
  std::string package_hint =
      fmt::format("install the package: apt-get install postgresql-{}", major);
  for (const char* program : {"postgres", "pg_ctl"}) {
    std::string path = fmt::format("{}/{}", directory, program);
    if (::access(path.c_str(), X_OK) == 0) continue;
    return Error{
        configured ? Code::kUsage : Code::kNotFound,
        fmt::format("looking for the programs of PostgreSQL {}: there is no program {}", major,
                    path),
        configured ? "set cluster.bin_dir to the directory that holds them, or leave it out and " +
                         package_hint
                   : package_hint + ", or set cluster.bin_dir"};
  }
  ASSIGN_OR_RETURN(int found, MajorVersionOf(directory + "/postgres"));
  if (found == major) return directory;
  return Error{
      configured ? Code::kUsage : Code::kNotFound,
      fmt::format("looking for the programs of PostgreSQL {}: {}/postgres is {}", major, directory,
                  found == 0 ? "not a PostgreSQL server" : fmt::format("of {}", found)),
      configured ? "set cluster.bin_dir to the directory of the right version" : package_hint};
}

}  // namespace pgcairn::postgres
