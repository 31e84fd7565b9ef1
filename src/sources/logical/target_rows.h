// Whether the rows of a table that is there can make room for others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

struct TableInUse {
  bool own = false;  // it belongs to the role of the session itself
  // A service made it: it lies in a schema that one known to make such has (Supabase), or is an
  // extension's; and this schema is a superuser's, and it belongs to one or to a role that this
  // superuser lets make things there. Whose it is would not be enough: a user may work as a
  // superuser too.
  bool of_platform = false;
  bool is_table = false;   // with rows of its own
  bool may_write = false;  // insert and delete
  // The sequence of one of its columns that the role cannot set, "schema.name".
  std::optional<std::string> sequence_of_others;
  std::vector<std::string> columns;  // without generated ones
};

// Nothing when there is none of the name.
Result<std::optional<TableInUse>> LookAtTable(postgres::Connection& connection,
                                              const std::string& schema, const std::string& name);

// Also true where the role may not look. `table` is valid SQL.
Result<bool> HasRows(postgres::Connection& connection, const std::string& table);

// Whether the sequence is there and the role may set it.
Result<bool> MaySetSequence(postgres::Connection& connection, const std::string& schema,
                            const std::string& name);

// Empties these tables of the role, or of roles that it may act as ("schema"."name"): they may
// refer to each other, and others to them. In a session in which no trigger fires.
Status EmptyTables(postgres::Connection& connection, const std::vector<std::string>& tables);

// One of these numbers that a large object has, whosever it is.
Result<std::optional<std::string>> FindLargeObject(postgres::Connection& connection,
                                                   const std::vector<uint32_t>& oids);

// Those of the large objects are deleted that belong to the role, or to one that it is a member of:
// the restore may have given them away.
Status DeleteOwnLargeObjects(postgres::Connection& connection, const std::vector<uint32_t>& oids);

}  // namespace pgcairn::sources
