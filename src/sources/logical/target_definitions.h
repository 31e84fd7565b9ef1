// What a database has already, and what a role may do to it, before a dump is restored there.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

enum class Whose {
  kRole,  // the role of the session
  // Another role, which that one may act as; and it is no superuser's schema that it lies in, so
  // that no service has put it there.
  kUser,
  kOthers,
};

struct TargetDefinitions {
  // What the role of the session is and may.
  std::string role;
  bool superuser = false;
  bool bypasses_row_security = false;
  bool may_make_event_triggers = false;
  std::set<std::string> roles;  // that it may give things to: it is one, or a member
  std::set<std::string> superusers;
  // "TABLE public orders": kind, schema and name as pg_restore lists them, of all that is there.
  std::map<std::string, Whose> there;
  std::set<std::string> schemas;  // in which it may make things
  struct Table {
    std::string owner;
    bool may_alter = false;  // indexes, constraints, policies
    bool may_make_triggers = false;
    bool may_refer_to = false;  // foreign keys
  };
  std::map<std::string, Table> tables;  // by "schema name"
};

// As `there` has it; pg_restore's list, too, has a space for each line end in a name.
std::string HeadOf(std::string_view kind, std::string_view schema, std::string_view name);

// Changes nothing.
Result<TargetDefinitions> ReadTargetDefinitions(postgres::Connection& connection);

// Whether the role may make policies on a table of somebody else, as some services let it: asked by
// a statement that no server carries out. `table` is as "schema"."name". Errors: kConnection.
Result<bool> MayMakePolicies(postgres::Connection& connection, const std::string& table);

// What keeps the database from being a project in which its user has done nothing yet: tables with
// rows, or that may have some, and functions, views and types, unless they are in `known` (heads as
// in `there`). All of Whose::kRole and kUser.
Result<std::vector<std::string>> FindOwnWork(postgres::Connection& connection,
                                             const std::set<std::string>& known);

// Statements that leave the role's own default privileges as initdb has them.
Result<std::vector<std::string>> WithoutDefaultPrivileges(postgres::Connection& connection);

// Statements after which nobody has a privilege on the schema public; none when there is no such
// schema or the role may not say who has.
Result<std::vector<std::string>> WithoutPublicGrants(postgres::Connection& connection);

}  // namespace pgcairn::sources
