#include "sources/logical/large_object_load.h"

#include <fmt/format.h>

#include "postgres/connection_cells.h"
#include "postgres/identifier.h"
#include "sources/logical/load_session.h"

namespace pgcairn::sources {
namespace {

constexpr char kPages[] = "pg_temp.pgcairn_large_object_pages";
// INV_READ of src/include/libpq/libpq-fs.h.
constexpr int kToRead = 0x00040000;

Status RequireSize(postgres::Connection& connection, const LargeObjectToMake& object) {
  // The descriptor is closed with the statement's transaction.
  ASSIGN_OR_RETURN(
      std::string size,
      connection.QueryCell(fmt::format(
          "SELECT pg_catalog.lo_lseek64(pg_catalog.lo_open({}, {}), 0, 2)", object.oid, kToRead)));
  if (size == std::to_string(object.size)) return {};
  return Error{Code::kFailed,
               fmt::format("the large object {} has {} bytes, and in the backup {}", object.oid,
                           size, object.size),
               ""};
}

Status Finish(postgres::Connection& connection, const LargeObjectToMake& object) {
  RETURN_IF_ERROR(RequireSize(connection, object));
  if (!object.owner.empty() && object.owner != connection.user()) {
    RETURN_IF_ERROR(connection
                        .Query(fmt::format("ALTER LARGE OBJECT {} OWNER TO {}", object.oid,
                                           postgres::QuoteIdentifier(object.owner)))
                        .status());
  }
  for (const std::string& grant : object.grants) {
    RETURN_IF_ERROR(connection.Query(grant).status());
  }
  if (!object.has_comment) return {};
  // COMMENT takes no parameter.
  ASSIGN_OR_RETURN(std::string comment,
                   connection.QueryCell("SELECT pg_catalog.quote_literal($1::pg_catalog.text)",
                                        {object.comment}));
  return connection.Query(fmt::format("COMMENT ON LARGE OBJECT {} IS {}", object.oid, comment))
      .status();
}

}  // namespace

Status MakeLargeObjects(postgres::Connection& connection,
                        const std::vector<LargeObjectToMake>& objects) {
  return InTransaction(
             connection,
             [&]() -> Status {
               for (const LargeObjectToMake& object : objects) {
                 RETURN_IF_ERROR(
                     connection.Query(fmt::format("SELECT pg_catalog.lo_create({})", object.oid))
                         .status());
               }
               return {};
             })
      .Context("making the large objects");
}

Result<uint64_t> LoadLargeObjectPages(postgres::Connection& connection, uint32_t page_bytes,
                                      const postgres::Connection::NextPiece& pages) {
  uint64_t rows = 0;
  auto load = [&]() -> Status {
    RETURN_IF_ERROR(
        connection
            .Query(fmt::format("CREATE TEMPORARY TABLE {} (loid pg_catalog.oid, page "
                               "pg_catalog.int8, bytes pg_catalog.bytea) ON COMMIT DROP",
                               kPages))
            .status());
    ASSIGN_OR_RETURN(rows, connection.CopyIn(fmt::format("COPY {} FROM STDIN", kPages), pages));
    // pg_largeobject itself is for superusers.
    return connection
        .Query(fmt::format("SELECT pg_catalog.count(pg_catalog.lo_put(loid, page * {}, bytes)) "
                           "FROM {}",
                           page_bytes, kPages))
        .status();
  };
  RETURN_IF_ERROR(InTransaction(connection, load).Context("loading large objects"));
  return rows;
}

Status FinishLargeObjects(postgres::Connection& connection,
                          const std::vector<LargeObjectToMake>& objects) {
  for (const LargeObjectToMake& object : objects) {
    RETURN_IF_ERROR(Finish(connection, object)
                        .Context(fmt::format("completing the large object {}", object.oid)));
  }
  return {};
}

}  // namespace pgcairn::sources
