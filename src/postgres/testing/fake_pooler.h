// Stands between a client and a server as a connection pooler does, for tests.
#pragma once

#include <memory>
#include <string>

#include "util/result.h"

namespace pgcairn::postgres::testing {

// Listens on `directory`/.s.PGSQL.`port` and passes every connection on to the server's socket. The
// process id that a client is told at log-in is not that of the server process, as with pgbouncer,
// which makes one up.
class FakePooler {
 public:
  static Result<std::unique_ptr<FakePooler>> Start(const std::string& directory, int port,
                                                   const std::string& server_socket);
  ~FakePooler();

  // For Connection::Open.
  std::string ConnectionString() const;

 private:
  struct State;
  explicit FakePooler(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace pgcairn::postgres::testing
