// The SQL that makes a role which can take physical backups, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "postgres/identifier.h"

namespace pgcairn::postgres {

// The functions that a physical backup of this major version calls and that PUBLIC may not call, as
// they stand in GRANT EXECUTE ON FUNCTION. Source: src/backend/catalog/system_functions.sql and
// system_views.sql.
std::vector<std::string> BackupFunctions(int server_major);

// To be run by a superuser, in the database that pgcairn connects to: rights on functions are
// per database. May be run again. Sets no password; its comments say how the role may log in.
std::string LeastPrivilegeSql(int server_major, const std::string& role);

}  // namespace pgcairn::postgres
