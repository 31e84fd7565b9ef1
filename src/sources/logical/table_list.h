// The tables of one database whose rows a logical backup keeps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "util/result.h"

namespace pgcairn::sources {

// An integer column without NULLs.
struct TableKey {
  std::string column;
  std::string index;  // of the primary key, "schema"."name"
  int64_t least = 0;  // in the snapshot
  int64_t greatest = 0;
};

struct TableToCopy {
  uint32_t oid = 0;
  std::string schema;
  std::string relation;
  // Of the table itself, without indexes and TOAST, as it is now and not in the snapshot. 0 when
  // sizes were not asked for.
  uint64_t blocks = 0;
  // Of its TOAST, as the last VACUUM or ANALYZE counted them; 0 when sizes were not asked for.
  uint64_t toast_blocks = 0;
  // Blocks can be read in ranges: the rows lie in a heap, and the server finds ctids by range (from
  // PostgreSQL 14 on: src/backend/executor/nodeTidrangescan.c).
  bool by_blocks = false;
  // By which it can be read in ranges where blocks cannot (table_keys.h).
  std::optional<TableKey> key;
  // One scan reads it, however large it is (SnapshotSession::Begin).
  bool in_one_scan = false;
  // In the table's order; without generated ones, which nothing can write.
  std::vector<std::string> columns;
  // "WHERE ..." of an extension's configuration table, "" for all rows (pg_extension.extcondition).
  std::string condition;
  bool of_extension = false;
  // Of a partition by hash, the topmost table that it is a part of, which alone knows where a row
  // goes on another server; else empty.
  std::string load_schema;
  std::string load_relation;
  // Of an extension's table: oids of others whose rows must be there before its own, for keys that
  // CREATE EXTENSION makes lead to them.
  std::vector<uint32_t> refers_to;
  // False: the role may not read it, so that its rows are not in the backup.
  bool readable = false;

  // "schema"."table", valid SQL.
  std::string name() const;
};

// Tables, partitions and unlogged tables, and those tables of extensions that the extension marked
// as configuration (pg_extension.extconfig); no temporary ones, none of the system's schemas, no
// partitioned parents, foreign tables or materialised views: they hold no rows of their own or
// others make them. In the order of names, but as row_order.h has it for those that refer to
// others.
//
// As the session's transaction sees them. With sizes only when the transaction has all readable
// tables locked: the server waits for a lock to read a size, and so for everybody who has one.
enum class TableSizes { kNotYet, kRead };
Result<std::vector<TableToCopy>> ListTables(postgres::Connection& connection, TableSizes sizes);

}  // namespace pgcairn::sources
