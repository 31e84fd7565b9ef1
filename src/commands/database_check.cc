#include "commands/database_check.h"

#include <fmt/format.h>

#include <utility>

#include "postgres/client_programs.h"
#include "postgres/database_facts.h"
#include "repository/history_store.h"
#include "sources/logical/table_list.h"

namespace pgcairn::commands {
namespace {

Finding FromError(std::string subject, const Error& error) {
  return {std::move(subject), Severity::kError, error.message, error.hint};
}

void CheckServer(const postgres::DatabaseFacts& facts, std::vector<Finding>& findings) {
  findings.push_back({"server", Severity::kOk,
                      fmt::format("PostgreSQL {}, system identifier {}, database {}", facts.major,
                                  facts.system_identifier.value, facts.database),
                      ""});
  findings.push_back(
      {"method", Severity::kOk,
       fmt::format("logical (cluster.method says so): definitions, rows, sequences, large objects "
                   "and roles of the database {}, as of one moment. A point in time between two "
                   "backups is not covered yet, other databases of the server are not{}",
                   facts.database,
                   facts.superuser ? "" : ", the passwords of roles, what lies outside PostgreSQL"),
       ""});
}

void CheckPrograms(const config::Settings& settings, int server_major,
                   std::vector<Finding>& findings) {
  for (const char* name : {"pg_dump", "pg_dumpall"}) {
    Result<postgres::ClientProgram> program =
        postgres::FindClientProgram(name, server_major, settings.cluster.bin_dir);
    findings.push_back(program.ok() ? Finding{"programs", Severity::kOk,
                                              fmt::format("{} of PostgreSQL {}: {}", name,
                                                          program->major, program->path),
                                              ""}
                                    : FromError("programs", program.error()));
  }
}

void CheckSessions(int free_connections, std::vector<Finding>& findings) {
  constexpr int kNeeded = 3;                            // the snapshot, one worker, pg_dump
  const bool enough = free_connections + 1 >= kNeeded;  // this one is given back
  findings.push_back({"sessions", enough ? Severity::kOk : Severity::kError,
                      fmt::format("room for {} more; a backup takes at most a quarter of them, and "
                                  "needs {}",
                                  free_connections, kNeeded),
                      enough ? "" : "raise the limit of the server, the database or the role"});
}

void CheckRights(postgres::Connection& connection, std::vector<Finding>& findings) {
  Result<std::vector<sources::TableToCopy>> tables =
      sources::ListTables(connection, sources::TableSizes::kNotYet);
  if (!tables.ok()) return findings.push_back(FromError("rights", tables.error()));
  std::vector<std::string> unreadable;
  for (const sources::TableToCopy& table : *tables) {
    if (!table.readable) unreadable.push_back(table.name());
  }
  if (unreadable.empty()) {
    return findings.push_back(
        {"rights", Severity::kOk, fmt::format("all {} tables can be read", tables->size()), ""});
  }
  findings.push_back({"rights", Severity::kWarning,
                      fmt::format("{} of {} tables are not backed up, because the role {} may not "
                                  "read them: {}",
                                  unreadable.size(), tables->size(), connection.user(),
                                  fmt::join(unreadable, ", ")),
                      "GRANT SELECT on them, or membership in pg_read_all_data"});
}

}  // namespace

std::vector<Finding> CheckDatabase(const config::Settings& settings,
                                   postgres::Connection& connection,
                                   const repository::ClusterAccess* cluster) {
  Result<postgres::DatabaseFacts> facts = postgres::ReadDatabaseFacts(connection);
  if (!facts.ok()) return {FromError("server", facts.error())};
  std::vector<Finding> findings;
  CheckServer(*facts, findings);
  CheckPrograms(settings, facts->major, findings);
  CheckSessions(facts->free_connections, findings);
  CheckRights(connection, findings);
  if (cluster != nullptr) {
    Status known = repository::RequireSystem(*cluster, facts->system_identifier.value).status();
    if (!known.ok()) findings.push_back(FromError("repository", known.error()));
  }
  return findings;
}

}  // namespace pgcairn::commands
