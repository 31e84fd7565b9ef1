// A plan's definitions as SQL, and their way into the database.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands/definition_plan.h"
#include "commands/logical_run.h"
#include "commands/logical_source.h"
#include "sources/logical/grant_statements.h"
#include "sources/logical/target_definitions.h"
#include "util/result.h"

namespace pgcairn::commands {

// The schema that says in a project which backup is being restored into it; its comment is the
// backup's id. It is made with the definitions, in one transaction.
inline constexpr char kRestoreMarker[] = "pgcairn_restore";

// The referred to outlive it.
class DefinitionScripts {
 public:
  // Reads the SQL from the dump. `beside_others`: into a database that has things of others, where
  // a restore that is interrupted is gone on with.
  static Result<DefinitionScripts> Read(LogicalRun& run, const SchemaFile& schema,
                                        const sources::TargetDefinitions& target,
                                        DefinitionPlan plan, bool beside_others);

  const DefinitionPlan& plan() const { return plan_; }
  // Whether something that is to be made names the role.
  bool Names(const std::string& role) const;

  // All of it in one transaction: when it fails, nothing was made. Extensions come in the backup's
  // version where the server offers that. While something is made the role has no default
  // privileges, so that nobody gets more than the backup says, not for a moment.
  Status MakeBeforeRows(LogicalRun& run) const;
  // Several sessions; when it fails, some of it may be there.
  Status MakeAfterRows(LogicalRun& run) const;
  // One after the other. What cannot be made is added to the report.
  Status MakeAttempts(LogicalRun& run) const;
  // What the role itself has granted on things of others. What cannot be is added to the report.
  Status GrantOnOthers(LogicalRun& run) const;

 private:
  struct Segment {
    std::string sql;
    std::string extension;  // that it makes; then `sql` is for versions that the server chooses
  };
  struct Attempt {
    std::string what;
    std::string sql;
  };

  DefinitionScripts(const SchemaFile& schema, const sources::TargetDefinitions& target,
                    DefinitionPlan plan)
      : schema_(&schema), target_(&target), plan_(std::move(plan)) {}
  Status ReadSegments();
  Status ReadGrants();
  Status ReadAttempts();
  Result<std::string> Script(const std::vector<uint32_t>& ids,
                             sources::OwnersInScript owners) const;
  Status MakeExtension(postgres::Connection& connection, LogicalRun& run,
                       const Segment& segment) const;
  Status Grant(postgres::Connection& connection, LogicalRun& run,
               const std::vector<sources::GrantStatement>& grants, bool lenient) const;
  Status GrantOnPublic(postgres::Connection& connection, LogicalRun& run) const;
  Status MakeAll(postgres::Connection& connection, LogicalRun& run) const;

  const SchemaFile* schema_;
  const sources::TargetDefinitions* target_;
  DefinitionPlan plan_;
  bool beside_others_ = false;
  std::vector<std::string> public_grants_;
  std::vector<Segment> segments_;
  std::vector<Segment> after_rows_;  // for the names in it alone
  std::vector<sources::GrantStatement> grants_;
  std::vector<sources::GrantStatement> grants_on_members_;
  std::vector<sources::GrantStatement> own_grants_on_others_;
  std::vector<sources::GrantStatement> default_grants_;
  std::vector<Attempt> attempts_;
};

}  // namespace pgcairn::commands
