// The roles of a server, by the real pg_dumpall.
#pragma once

#include <functional>
#include <string>

#include "postgres/client_programs.h"
#include "postgres/connection.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::sources {

struct RolesDump {
  postgres::ClientProgram pg_dumpall;
  // Any database that the role may enter.
  std::string database;
  // Passwords as the server keeps them (pg_authid, which only superusers may read).
  bool passwords = false;
};

// What `pg_dumpall --roles-only` says. Roles have no part in a snapshot: they are those of now. The
// pieces are valid during the call. Errors: as DumpSchema.
Status DumpRoles(const postgres::Connection& connection, const RolesDump& dump,
                 const std::function<Status(ByteView piece)>& on_output);

}  // namespace pgcairn::sources
