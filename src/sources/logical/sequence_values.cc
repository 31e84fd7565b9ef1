#include "sources/logical/sequence_values.h"

#include <fmt/format.h>

#include "postgres/identifier.h"
#include "sources/logical/load_session.h"

namespace pgcairn::sources {

Status SetSequences(postgres::Connection& connection, const std::vector<SequenceValue>& values) {
  // For speed alone: what setval does is not rolled back.
  return InTransaction(connection, [&]() -> Status {
    for (const SequenceValue& value : values) {
      Status set = connection
                       .Query(
                           "SELECT pg_catalog.setval($1::pg_catalog.regclass, "
                           "$2::pg_catalog.int8, $3::pg_catalog.bool)",
                           {postgres::QualifiedName(value.schema, value.name),
                            std::to_string(value.last_value), value.is_called ? "t" : "f"})
                       .status();
      RETURN_IF_ERROR(
          std::move(set).Context(fmt::format("setting {}.{}", value.schema, value.name)));
    }
    return {};
  });
}

}  // namespace pgcairn::sources
