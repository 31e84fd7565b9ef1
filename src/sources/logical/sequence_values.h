// Where the sequences of a database stand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

struct SequenceValue {
  std::string schema;
  std::string name;
  int64_t last_value = 0;
  bool is_called = false;
};

// Errors: kNotFound, naming the first one that is not there; those before it are set. Those of
// Connection.
Status SetSequences(postgres::Connection& connection, const std::vector<SequenceValue>& values);

}  // namespace pgcairn::sources
