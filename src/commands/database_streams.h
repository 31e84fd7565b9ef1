// Which streams a database becomes (docs/format.md, section 17), and the catalog that says what
// they are.
#pragma once

#include <string>
#include <vector>

#include "commands/copy_streams.h"
#include "format/logical.pb.h"
#include "postgres/client_programs.h"
#include "postgres/database_facts.h"
#include "sources/logical/database_catalog.h"
#include "sources/logical/snapshot_session.h"

namespace pgcairn::commands {

struct DumpPrograms {
  postgres::ClientProgram pg_dump;
  postgres::ClientProgram pg_dumpall;
};

// What is copied, as the snapshot has it. All of it outlives the sources made of it.
struct DatabaseToCopy {
  const postgres::DatabaseFacts& facts;
  const DumpPrograms& programs;
  const sources::SnapshotSession& snapshot;
  const sources::DatabaseCatalog& catalog;
  bool rows = true;  // and large objects and sequences; else definitions alone
};

// Definitions and roles. To be copied first: pg_dump waits for `lock_wait_s` at most for a lock
// that somebody else waits for.
std::vector<StreamSource> DocumentsOf(const DatabaseToCopy& database, int lock_wait_s);

// The parts of all tables in the order of the tables, then large objects.
std::vector<StreamSource> RowsOf(const DatabaseToCopy& database);

// What the database has, without a word of rows: their numbers and bytes are 0.
format::LogicalCatalog DescribeDatabase(const DatabaseToCopy& database);

// What the streams hold. Those of RowsOf are `copied` from `first` on.
format::LogicalCatalog DescribeRows(const DatabaseToCopy& database, const StreamCopiers& copied,
                                    size_t first);

// What was read by a key, and so through an index, is all that there is. `copied`: of DescribeRows.
// Errors: kFailed.
Status RequireRowsOfKeys(const DatabaseToCopy& database, const format::LogicalCatalog& copied);

// The stream of the catalog itself.
StreamSource CatalogStream(const format::LogicalCatalog& catalog);

}  // namespace pgcairn::commands
