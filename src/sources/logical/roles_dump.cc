#include "sources/logical/roles_dump.h"

#include <utility>

#include "postgres/program_run.h"

namespace pgcairn::sources {

Status DumpRoles(const postgres::Connection& connection, const RolesDump& dump,
                 const std::function<Status(ByteView piece)>& on_output) {
  postgres::ProgramRun run;
  run.program = dump.pg_dumpall.path;
  run.arguments = {"--roles-only", "--no-password", "--encoding=UTF8",
                   "--database=" + dump.database};
  if (!dump.passwords) run.arguments.emplace_back("--no-role-passwords");
  run.environment = connection.EnvironmentForPrograms();
  run.environment.emplace_back("LC_ALL=C.UTF-8");
  run.environment.emplace_back("PATH=/usr/bin:/bin");
  return postgres::RunProgram(run, on_output).Context("reading the roles of the server");
}

}  // namespace pgcairn::sources
