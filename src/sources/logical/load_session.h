// A session that fills a database.
#pragma once

#include <string>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

// How the text of a backup is encoded.
enum class RowText {
  kUtf8,
  kServerBytes,  // of a SQL_ASCII database: nothing is known of them
};

// Commits wait for no disk, since an interrupted restore begins anew anyway; rows that a policy
// hides are an error; and neither triggers nor foreign keys fire where the role may say so, which
// `silent` tells.
struct LoadSession {
  postgres::Connection connection;
  bool silent = false;
};

// Errors: those of Connection.
Result<LoadSession> OpenLoadSession(const std::string& conninfo, RowText text);

// Runs `work` in a transaction: it is committed when `work` returns OK, and else rolled back.
template <typename Work>
Status InTransaction(postgres::Connection& connection, const Work& work) {
  RETURN_IF_ERROR(connection.Query("BEGIN").status());
  Status done = work();
  if (!done.ok()) {
    // Where this fails, the session is gone, and the transaction with it.
    (void)connection.Query("ROLLBACK");
    return done;
  }
  return connection.Query("COMMIT").status();
}

}  // namespace pgcairn::sources
