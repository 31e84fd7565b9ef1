// A table of the target that takes rows, as it is.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "postgres/connection.h"
#include "sources/logical/sequence_values.h"
#include "util/result.h"

namespace pgcairn::sources {

struct TargetTable {
  char kind = 'r';                   // pg_class.relkind: 'r' holds rows of its own
  std::vector<std::string> columns;  // without generated ones
  // The schema and the name of the sequences that go with it: those of serial and identity columns.
  std::vector<SequenceValue> sequences;
};

// Nothing when there is none of the name.
Result<std::optional<TargetTable>> FindTable(postgres::Connection& connection,
                                             const std::string& schema, const std::string& name);
Result<bool> HasSchema(postgres::Connection& connection, const std::string& schema);

// For sessions whose triggers and keys cannot be kept from firing. kRefused: deleting rows of the
// table would change rows of other tables, or do something else in their place. Tables
// `without_rows` (schema and name) have none that could change. `doing` is what the error says of
// it.
Status RequireDeletingIsAll(postgres::Connection& connection, const std::string& schema,
                            const std::string& name, const std::string& doing,
                            const std::set<std::pair<std::string, std::string>>& without_rows = {});

// In a transaction: lets nobody else write to the table until its end, keeps its triggers from
// firing, and deletes those of its rows that `condition` ("WHERE ..." or "") covers. `silent` as
// LoadSession has it. Errors: kRefused, when deleting
// would change rows of other tables or do something else in their place, because the role may not
// keep foreign keys and rules from it; those of Connection.
class EmptiedTable {
 public:
  static Result<EmptiedTable> Make(postgres::Connection& connection, bool silent,
                                   const std::string& schema, const std::string& name,
                                   const std::string& condition);
  // Lets the triggers fire again that did before.
  Status Finish();

 private:
  explicit EmptiedTable(postgres::Connection& connection) : connection_(&connection) {}

  postgres::Connection* connection_;
  std::vector<std::string> back_;  // statements
};

// Rows of the table, or of those that refer to it, whose foreign keys lead nowhere: a line for each
// key, with how many there are. For sessions that kept foreign keys from being checked.
Result<std::vector<std::string>> FindDanglingKeys(postgres::Connection& connection,
                                                  const std::string& schema,
                                                  const std::string& name);

// Sets the sequence unless it is past that value.
Status AdvanceSequence(postgres::Connection& connection, const SequenceValue& value);

// Takes from everybody but the owner what default privileges gave him on a table that was just
// made, and on the sequences of its columns. `table` is as "schema"."name".
Status RevokeFromOthers(postgres::Connection& connection, const std::string& table);

}  // namespace pgcairn::sources
