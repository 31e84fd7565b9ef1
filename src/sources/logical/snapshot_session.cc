#include "sources/logical/snapshot_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "postgres/connection_cells.h"
#include "sources/logical/table_keys.h"

namespace pgcairn::sources {
namespace {

// Each further try means that a table was made in the moment before.
constexpr int kTriesMax = 10;
// Of one statement: a long list is a long text for the parser, not more.
constexpr size_t kTablesPerLock = 1000;
constexpr uint64_t kBlockBytes = 8192;
constexpr char kBegin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

std::set<uint32_t> ReadableOf(const std::vector<TableToCopy>& tables) {
  std::set<uint32_t> oids;
  for (const TableToCopy& table : tables) {
    if (table.readable) oids.insert(table.oid);
  }
  return oids;
}

std::string OidList(const std::set<uint32_t>& oids) {
  return fmt::format("{{{}}}", fmt::join(oids, ","));
}

// "public.orders, which process 4711 has locked", of the first one.
std::string WhoLocks(postgres::Connection& connection, const std::set<uint32_t>& oids) {
  auto rows = connection.Query(
      "SELECT relation::pg_catalog.regclass, pid FROM pg_catalog.pg_locks "
      "WHERE granted AND mode = 'AccessExclusiveLock' AND locktype = 'relation' "
      "AND relation = ANY ($1::pg_catalog.oid[]) AND database = (SELECT oid FROM "
      "pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) ORDER BY pid LIMIT 1",
      {OidList(oids)});
  if (!rows.ok() || rows->rows.empty()) return "a table, which somebody has locked";
  const postgres::Row& row = rows->rows.front();
  return fmt::format("{}, which process {} has locked", row[0].value_or(""), row[1].value_or(""));
}

// LOCK takes no snapshot (PlannedStmtRequiresSnapshot in src/backend/tcop/pquery.c).
Status Lock(postgres::Connection& connection, const std::vector<TableToCopy>& tables) {
  std::vector<std::string> names;
  auto run = [&]() -> Status {
    if (names.empty()) return {};
    Status locked = connection
                        .Query(fmt::format("LOCK TABLE ONLY {} IN ACCESS SHARE MODE",
                                           fmt::join(names, ", ONLY ")))
                        .status();
    names.clear();
    return locked;
  };
  for (const TableToCopy& table : tables) {
    if (!table.readable) continue;
    names.push_back(table.name());
    if (names.size() == kTablesPerLock) RETURN_IF_ERROR(run());
  }
  return run();
}

// Of a transaction that reads rows.
Status SetForRows(postgres::Connection& connection) {
  for (const char* sql :
       {// Rows that a policy hides from the role are an error, and not left out.
        "SET LOCAL row_security = off",
        // Rows in the order of blocks, so that the next backup finds the same chunks.
        "SET LOCAL synchronize_seqscans = off"}) {
    RETURN_IF_ERROR(connection.Query(sql).status());
  }
  return {};
}

}  // namespace

Result<SnapshotSession> SnapshotSession::Begin(postgres::Connection& connection, int lock_wait_s,
                                               uint64_t one_scan_bytes_max) {
  constexpr char kDoing[] = "taking a snapshot of the database";
  for (int tries = 0; tries < kTriesMax; ++tries) {
    SnapshotSession session(connection);
    Result<bool> taken = session.TryToTake(lock_wait_s, one_scan_bytes_max);
    if (!taken.ok()) {
      // The error is what matters; a transaction that cannot be ended goes with the session.
      (void)connection.Query("ROLLBACK");
      return Result<SnapshotSession>(taken.error()).Context(kDoing);
    }
    if (*taken) return session;
    RETURN_IF_ERROR(connection.Query("ROLLBACK").status().Context(kDoing));
  }
  return Error{
      Code::kRefused,
      fmt::format("{}: each of {} times tables were made while it was taken", kDoing, kTriesMax),
      "back up when fewer tables are being made"};
}

// False when there are tables that are not locked.
Result<bool> SnapshotSession::TryToTake(int lock_wait_s, uint64_t one_scan_bytes_max) {
  ASSIGN_OR_RETURN(std::vector<TableToCopy> before, ListTables(*connection_, TableSizes::kNotYet));
  RETURN_IF_ERROR(connection_->Query(kBegin).status());
  RETURN_IF_ERROR(
      connection_->Query(fmt::format("SET LOCAL lock_timeout = '{}s'", lock_wait_s)).status());
  Status locked = Lock(*connection_, before);
  if (!locked.ok() && locked.code() == Code::kNotFound)
    return false;  // dropped since it was listed
  if (!locked.ok() && locked.code() == Code::kTimeout) {
    (void)connection_->Query("ROLLBACK");
    return Error{Code::kTimeout,
                 fmt::format("{} s were not enough to lock {}", lock_wait_s,
                             WhoLocks(*connection_, ReadableOf(before))),
                 "wait until that process is done, or end it (pg_terminate_backend)"};
  }
  RETURN_IF_ERROR(locked);
  ASSIGN_OR_RETURN(name_, connection_->QueryCell("SELECT pg_catalog.pg_export_snapshot()"));
  ASSIGN_OR_RETURN(std::string now, connection_->QueryCell("SELECT pg_catalog.clock_timestamp()"));
  ASSIGN_OR_RETURN(std::optional<Timestamp> taken_at,
                   postgres::TimeCell(now, "the server's clock"));
  taken_at_ = *taken_at;
  ASSIGN_OR_RETURN(std::vector<TableToCopy> tables, ListTables(*connection_, TableSizes::kRead));
  for (TableToCopy& table : tables) {
    table.in_one_scan = (table.blocks + table.toast_blocks) * kBlockBytes <= one_scan_bytes_max;
  }
  RETURN_IF_ERROR(FindKeys(*connection_, tables));
  std::set<uint32_t> held = ReadableOf(before), seen = ReadableOf(tables);
  if (!std::includes(held.begin(), held.end(), seen.begin(), seen.end())) return false;
  for (TableToCopy& table : tables) {
    if (table.readable) {
      tables_.push_back(std::move(table));
    } else {
      unreadable_.push_back(table.name());
    }
  }
  RETURN_IF_ERROR(RequireStorageOfSnapshot());
  RETURN_IF_ERROR(SetForRows(*connection_));
  return true;
}

// pg_class comes as the snapshot has it, the function says what is now.
Status SnapshotSession::RequireStorageOfSnapshot() {
  auto moved = connection_->Query(
      "SELECT oid::pg_catalog.regclass FROM pg_catalog.pg_class "
      "WHERE oid = ANY ($1::pg_catalog.oid[]) AND relfilenode IS DISTINCT FROM "
      "pg_catalog.pg_relation_filenode(oid) ORDER BY 1 LIMIT 1",
      {OidList(ReadableOf(tables_))});
  ASSIGN_OR_RETURN(postgres::Rows rows, std::move(moved));
  if (rows.rows.empty()) return {};
  return Error{Code::kFailed,
               fmt::format("{} was emptied or rewritten while the snapshot was taken",
                           rows.rows[0][0].value_or("")),
               "run the backup again"};
}

Status SnapshotSession::Join(postgres::Connection& worker) const {
  constexpr char kDoing[] = "joining the backup's snapshot";
  RETURN_IF_ERROR(worker.Query(kBegin).status().Context(kDoing));
  RETURN_IF_ERROR(
      worker.Query(fmt::format("SET TRANSACTION SNAPSHOT '{}'", name_)).status().Context(kDoing));
  return SetForRows(worker).Context(kDoing);
}

Result<bool> SnapshotSession::TryLock(postgres::Connection& worker, const TableToCopy& table) {
  // A lock that is refused would end the transaction.
  RETURN_IF_ERROR(worker.Query("SAVEPOINT before_lock").status());
  Status locked =
      worker.Query(fmt::format("LOCK TABLE ONLY {} IN ACCESS SHARE MODE NOWAIT", table.name()))
          .status();
  if (!locked.ok() && locked.code() != Code::kTimeout) return locked.error();
  RETURN_IF_ERROR(worker
                      .Query(locked.ok() ? "RELEASE SAVEPOINT before_lock"
                                         : "ROLLBACK TO SAVEPOINT before_lock")
                      .status());
  return locked.ok();
}

Result<bool> SnapshotSession::KeepsSomebodyWaiting() {
  ASSIGN_OR_RETURN(std::string waits,
                   connection_->QueryCell(
                       "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE NOT granted AND "
                       "pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(pid)))"));
  return waits == "t";
}

Status SnapshotSession::Abandon() {
  return connection_->Query("ROLLBACK").status().Context("giving up the backup's snapshot");
}

Status SnapshotSession::End() {
  constexpr char kDoing[] = "ending the backup's snapshot";
  RETURN_IF_ERROR(RequireStorageOfSnapshot().Context(kDoing));
  return connection_->Query("COMMIT").status().Context(kDoing);
}

}  // namespace pgcairn::sources
