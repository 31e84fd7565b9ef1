// One moment of a database that many sessions see.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "sources/logical/table_list.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::sources {

// A transaction that holds locks on all tables (ACCESS SHARE: nothing but DDL, TRUNCATE and the
// like waits for it) and a snapshot taken after it had them. In the other order a TRUNCATE or a
// rewriting ALTER TABLE between the two would leave the snapshot an empty table, without any error:
// both are not MVCC-safe ("Caveats" of PostgreSQL's chapter on concurrency control).
//
// Not for two threads at once, Join and TryLock aside, which touches nothing but the worker.
class SnapshotSession {
 public:
  // `lock_wait_s`: how long a table may be locked by somebody else. The connection must be to the
  // database and outlive this; its transaction is in use until End. Tables of up to
  // `one_scan_bytes_max` with their TOAST are to be read in one scan.
  // Errors: kTimeout, with the table and who locks it; kRefused, when tables appear faster than
  // they can be locked; those of Connection.
  static Result<SnapshotSession> Begin(postgres::Connection& connection, int lock_wait_s,
                                       uint64_t one_scan_bytes_max = 0);

  // Those that the snapshot has and the role may read: each is locked.
  const std::vector<TableToCopy>& tables() const { return tables_; }
  // Those that it has and the role may not read.
  const std::vector<std::string>& unreadable() const { return unreadable_; }
  // For `SET TRANSACTION SNAPSHOT` and `pg_dump --snapshot`.
  const std::string& name() const { return name_; }
  // The server's clock, when the snapshot was taken.
  Timestamp taken_at() const { return taken_at_; }

  // Begins a transaction on the same snapshot in another session with the database, in which rows
  // that row security hides are an error. The locks are
  // this session's: while it lives, no table changes under the worker.
  Status Join(postgres::Connection& worker) const;

  // Takes the lock on a table for a session that joined, to be held until its transaction ends.
  // False: somebody waits for the table, and whoever asks for it now waits behind him; but he waits
  // for this session, so that both would wait for ever. This session, which has the lock, can
  // still read the table.
  static Result<bool> TryLock(postgres::Connection& worker, const TableToCopy& table);

  // Somebody waits for this session's locks, and with him all who want the same table.
  Result<bool> KeepsSomebodyWaiting();

  // The session itself, whose transaction can read as those that joined do.
  postgres::Connection& connection() const { return *connection_; }

  // After the last row: an error when the session ended meanwhile, for then the locks were gone and
  // what was read since may miss rows. Ends the transaction.
  Status End();
  // Gives up snapshot and locks; a new one may begin.
  Status Abandon();

 private:
  explicit SnapshotSession(postgres::Connection& connection) : connection_(&connection) {}
  Result<bool> TryToTake(int lock_wait_s, uint64_t one_scan_bytes_max);
  Status RequireStorageOfSnapshot();

  postgres::Connection* connection_;
  std::vector<TableToCopy> tables_;
  std::vector<std::string> unreadable_;
  std::string name_;
  Timestamp taken_at_;
};

}  // namespace pgcairn::sources
