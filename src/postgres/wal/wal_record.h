// Reads the records at which recovery can stop, ends of transactions and restore points, and those
// with which it writes outside the data directory: creations of tablespaces.
//
// Source: DecodeXLogRecord in src/backend/access/transam/xlogreader.c, ParseCommitRecord and
// ParseAbortRecord in src/backend/access/rmgrdesc/xactdesc.c, src/include/access/xact.h,
// xl_restore_point in src/include/access/xlog_internal.h, recoveryStopsBefore and
// recoveryStopsAfter in src/backend/access/transam/xlogrecovery.c (xlog.c before version 15),
// xl_tblspc_create_rec in src/include/commands/tablespace.h, tblspc_redo in
// src/backend/commands/tablespace.c.
#pragma once

#include <cstdint>
#include <string>

#include "postgres/lsn.h"
#include "postgres/wal/wal_reader.h"
#include "util/bytes.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::postgres {

enum class TransactionEndKind { kCommit, kAbort, kCommitPrepared, kAbortPrepared };

struct TransactionEnd {
  Lsn start;
  Lsn end;           // just past the record, as recovery and pg_walinspect count it
  uint32_t xid = 0;  // of the transaction that ends; for a prepared one, its own
  Timestamp time;
  TransactionEndKind kind = TransactionEndKind::kCommit;
};

// What pg_create_restore_point() wrote. Names need not be unique: recovery stops at the first.
struct NamedPoint {
  std::string name;  // the server's bytes, in whatever encoding the caller used
  Timestamp time;
  Lsn start;
  Lsn end;
};

// What CREATE TABLESPACE wrote. Recovery makes the link of that oid anew, to that location, and the
// tablespace's own directory there.
struct TablespaceCreation {
  uint32_t oid = 0;
  std::string location;  // empty for one that lies in the data directory (a developer's option)
  Lsn start;
  friend bool operator==(const TablespaceCreation&, const TablespaceCreation&) = default;
};

bool EndsTransaction(const WalRecord& record);
bool NamesPoint(const WalRecord& record);
bool CreatesTablespace(const WalRecord& record);

// `body` is the whole record, as WalReader::Body() gives it, of a record of that kind.
// Errors: kUnsupported when the bytes, although their checksum is right, do not have the form that
// this version of PostgreSQL writes.
Result<TransactionEnd> ReadTransactionEnd(const WalRecord& record, ByteView body,
                                          int major_version);
Result<NamedPoint> ReadNamedPoint(const WalRecord& record, ByteView body, int major_version);
Result<TablespaceCreation> ReadTablespaceCreation(const WalRecord& record, ByteView body,
                                                  int major_version);

}  // namespace pgcairn::postgres
