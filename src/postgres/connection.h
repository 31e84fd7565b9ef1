// One session with a PostgreSQL server, over libpq.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::postgres {

// Nothing stands for SQL's NULL.
using Row = std::vector<std::optional<std::string>>;
struct Rows {
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

// Owns the session; destroying it ends the session. One thread at a time.
//
// No error holds a password or the connection string. The session's settings do not depend on the
// role's or the server's: dates are ISO in UTC, text is UTF-8, search_path is empty (write
// pg_catalog.name), and no time-out ends a statement, a lock wait or an idle session.
class Connection {
 public:
  // `conninfo` is a URL or "keyword=value ..." as libpq takes it; "" leaves all to libpq's own
  // environment and service files. `application_name` yields to one set there. Unless the caller
  // (or a service file) says otherwise, connecting takes at most 15 s per host, and a connection
  // whose other end is silent for about a minute counts as broken.
  // Errors: kUsage (string not understood), kPermission (log-in refused), kNotFound (no such
  // database), kConnection. A failed log-in is never tried again here: services ban addresses
  // for it.
  static Result<Connection> Open(const std::string& conninfo, const std::string& application_name);

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // Runs one statement; `params` replace $1, $2 ... and are text without NUL bytes. A failed
  // statement's error holds the server's message and SQLSTATE, its hint the server's hint; the
  // code comes from the SQLSTATE (connection_errors.h). Blocks until the server answers.
  Result<Rows> Query(const std::string& sql, const std::vector<std::string>& params = {});

  // Runs statements that semicolons part, one after the other, and drops their answers. Outside of
  // a transaction they are one; the first that fails ends it, and its error quotes the line at
  // fault where the server says which. What a statement names and is not there is kFailed.
  Status RunScript(const std::string& sql);

  // As Query, with cells as the bytes that the server holds, not converted to UTF-8: file names in
  // a database of another encoding come back as they are on disk.
  Result<Rows> QueryUnconverted(const std::string& sql,
                                const std::vector<std::string>& params = {});

  // For statements that answer with one cell that is not NULL; anything else is kFailed.
  Result<std::string> QueryCell(const std::string& sql,
                                const std::vector<std::string>& params = {});

  // Makes CopyOut and NextCopiedRow cheaper where millions of rows come: they are received in large
  // pieces, and when all that came has been taken, half a millisecond passes until more is asked
  // for. Otherwise a server as quick as its client wakes it for each 8 KiB.
  Status ExpectManyRows();

  // Runs `COPY ... TO STDOUT` and gives each row as the server sent it, with its line end, valid
  // during the call. Returns how many there were, which is what the server says it sent. An error
  // of `on_row` closes the session: the rest of the rows is not waited for. Memory: about twice the
  // longest row.
  using OnRow = std::function<Status(ByteView row)>;
  Result<uint64_t> CopyOut(const std::string& sql, const OnRow& on_row);

  // The same for who takes the rows when he wants them: after Begin, each call gives the next row,
  // valid until the next call, and nothing when all that the server sent have come; until then, or
  // an error, the session takes no other statement.
  Status BeginCopyOut(const std::string& sql);
  Result<ByteView> NextCopiedRow();

  // Runs `COPY ... FROM STDIN` on what `next` gives, piece by piece (not necessarily rows) until it
  // gives nothing; each piece is used before the next call. Returns how many rows the server took.
  // After an error of `next` the server has taken none.
  using NextPiece = std::function<Result<ByteView>()>;
  Result<uint64_t> CopyIn(const std::string& sql, const NextPiece& next);

  // True when something between us and the server answers in its place: the process that took the
  // log-in is not the one that runs the statements. What must live in one server process (a
  // physical backup) cannot go through it.
  Result<bool> BehindPooler();

  // What a client program needs to reach the same server in the same way, as "PGHOST=..." and so
  // on: settings of this session's connection that libpq also takes from the environment, the
  // password among them. Others than a program of this user cannot read it there.
  std::vector<std::string> EnvironmentForPrograms() const;

  // As in server_version_num: 150020 is 15.20. 0 once closed.
  int server_version_num() const;
  int server_major() const { return server_version_num() / 10000; }
  // The role that logged in.
  std::string user() const;

  // Ends the session; every later query is kConnection.
  void Close();

 private:
  struct Session;
  explicit Connection(std::unique_ptr<Session> session);
  Status SetUp();

  std::unique_ptr<Session> session_;
};

}  // namespace pgcairn::postgres
