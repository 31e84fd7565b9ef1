#include "sources/logical/schema_dump.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/program_run.h"

namespace pgcairn::sources {

Status DumpSchema(const postgres::Connection& connection, const SchemaDump& dump,
                  const std::function<Status(ByteView piece)>& on_output) {
  postgres::ProgramRun run;
  run.program = dump.pg_dump.path;
  run.arguments = {"--schema-only", "--no-password", "--snapshot=" + dump.snapshot,
                   "--encoding=UTF8", fmt::format("--lock-wait-timeout={}s", dump.lock_wait_s)};
  // A custom dump's own compression would hide what two dumps have in common.
  if (dump.format == DumpFormat::kCustom) {
    run.arguments.insert(run.arguments.end(), {"--format=custom", "--compress=0"});
  }
  // A pattern in quotes is taken word for word (processSQLNamePattern in src/fe_utils).
  for (const std::string& table : dump.left_out) {
    run.arguments.push_back("--exclude-table=" + table);
  }
  run.environment = connection.EnvironmentForPrograms();
  run.environment.emplace_back("LC_ALL=C.UTF-8");
  run.environment.emplace_back("PATH=/usr/bin:/bin");
  return postgres::RunProgram(run, on_output).Context("reading the definitions of the database");
}

}  // namespace pgcairn::sources
