// What a server says about itself and the database at hand to everybody who may log in: all that a
// logical backup has to know of it.
#pragma once

#include <cstdint>
#include <string>

#include "postgres/connection.h"
#include "postgres/lsn.h"
#include "util/result.h"

namespace pgcairn::postgres {

struct DatabaseFacts {
  int version_num = 0;  // 150020 is 15.20
  int major = 0;
  SystemIdentifier system_identifier;
  uint64_t wal_segment_size = 0;  // bytes
  std::string database;
  uint32_t database_oid = 0;
  std::string encoding;    // of the database, PostgreSQL's name
  bool superuser = false;  // the role that logged in is one
  // Sessions that this role may still open in this database, by the limits of server, database and
  // role; others may be faster.
  int free_connections = 0;
};

// Errors: kUnsupported (a server older than 13 or newer than 18), kPermission with the GRANT line,
// else as Connection::Query.
Result<DatabaseFacts> ReadDatabaseFacts(Connection& connection);

}  // namespace pgcairn::postgres
