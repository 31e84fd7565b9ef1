// What a Connection is made of; for the files that implement it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "postgres/connection.h"
#include "postgres/libpq.h"
#include "util/result.h"

namespace pgcairn::postgres {

using ResultOwner = std::unique_ptr<PGresult, decltype(&::PQclear)>;

struct Connection::Session {
  PGconn* connection = nullptr;
  std::string password;
  // Of a COPY ... TO STDOUT that goes on.
  std::unique_ptr<char, decltype(&::PQfreemem)> copied_row{nullptr, nullptr};
  uint64_t copied_rows = 0;
  bool takes_many_rows = false;   // Connection::ExpectManyRows
  uint64_t bytes_since_wait = 0;  // of rows

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { Libpq().PQfinish(connection); }

  std::string WithoutPassword(std::string message) const;
  // Why `result` (may be null) is no success: the server's words, or libpq's when it has none.
  Error ErrorOf(const PGresult* result) const;
  // When all rows that were received have been taken.
  void LetRowsComeIn();
};

Error ClosedSession();

}  // namespace pgcairn::postgres
