// Databases that trials make at a server that is not theirs.
#pragma once

#include <string>
#include <vector>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

// Says to everybody on the server, while the session lives, that the trial of that database goes
// on. `name` is "pgcairn_test_" and 24 hexadecimal digits; the database need not be there yet.
Status ClaimTrialDatabase(postgres::Connection& connection, const std::string& name);

// A comment on it, without which it is never removed by others. The session's role owns it.
Status MarkTrialDatabase(postgres::Connection& connection, const std::string& name);

// Drops those that a trial made and marked whose trial goes on no more: nobody claims it, and no
// session is in it. Of roles that the session's is, or may act as. Returns their names; one that
// cannot be dropped is a warning.
Result<std::vector<std::string>> RemoveAbandonedTrialDatabases(postgres::Connection& connection);

}  // namespace pgcairn::sources
