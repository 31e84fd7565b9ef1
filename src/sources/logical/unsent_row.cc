#include "sources/logical/unsent_row.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace pgcairn::sources {
namespace {

bool MayBeOfARow(Code code) {
  return code == Code::kFailed || code == Code::kDamaged || code == Code::kStorage;
}

// In the order of the blocks, as COPY reads them.
Result<std::string> PositionOf(const SnapshotSession& snapshot, postgres::Connection& worker,
                               const TablePart& part, uint64_t rows_before) {
  RETURN_IF_ERROR(worker.Query("ROLLBACK").status());
  RETURN_IF_ERROR(snapshot.Join(worker));
  RETURN_IF_ERROR(worker.Query("SET LOCAL max_parallel_workers_per_gather = 0").status());
  return worker.QueryCell(fmt::format("SELECT ctid FROM ONLY {} {} OFFSET {} LIMIT 1",
                                      part.table_name, part.condition, rows_before));
}

}  // namespace

Error NameUnsentRow(const SnapshotSession& snapshot, postgres::Connection& worker,
                    const TablePart& part, uint64_t rows_before, Error error) {
  if (!MayBeOfARow(error.code)) return error;
  // Without a position (the connection is gone, there is no further row) the error says what there
  // is to say.
  Result<std::string> position = PositionOf(snapshot, worker, part, rows_before);
  if (!position.ok()) return error;
  error.message = fmt::format("the row at ctid {} was not sent: {}", *position, error.message);
  error.hint = fmt::format(
      "PostgreSQL sends no row of more than 1 GB as text (bytea doubles), nor one whose bytes are "
      "damaged; look at it with: SELECT * FROM ONLY {} WHERE ctid = '{}'",
      part.table_name, *position);
  return error;
}

}  // namespace pgcairn::sources
