// Which row of a table the server could not send.
#pragma once

#include <cstdint>

#include "postgres/connection.h"
#include "sources/logical/snapshot_session.h"
#include "sources/logical/table_parts.h"
#include "util/result.h"

namespace pgcairn::sources {

// To be called when the COPY of `part` failed with `error` behind `rows_before` rows. The same
// error, with the ctid of the next row where that may be the reason: a row of more than 1 GiB as
// text is refused (MaxAllocSize in src/include/utils/memutils.h), and so is one whose TOAST is
// damaged. The transaction of `worker`, which the error ended, is begun anew on the snapshot to
// look for it.
Error NameUnsentRow(const SnapshotSession& snapshot, postgres::Connection& worker,
                    const TablePart& part, uint64_t rows_before, Error error);

}  // namespace pgcairn::sources
