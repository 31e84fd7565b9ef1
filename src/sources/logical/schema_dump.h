// The definitions of a database, by the real pg_dump.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "postgres/client_programs.h"
#include "postgres/connection.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::sources {

enum class DumpFormat {
  kCustom,  // for pg_restore of the same version or a newer one
  kPlain,   // SQL for psql, and for people
};

struct SchemaDump {
  postgres::ClientProgram pg_dump;
  DumpFormat format = DumpFormat::kCustom;
  // Of SnapshotSession: definitions as of the moment of the rows.
  std::string snapshot;
  // "schema"."table", as SQL has them: what the role may not read, pg_dump cannot lock.
  std::vector<std::string> left_out;
  // How long it waits for a lock on a table.
  int lock_wait_s = 60;
};

// Everything but rows: what `pg_dump --schema-only` says of the database that `connection` is to,
// as its role. The pieces are valid during the call. Errors: kFailed with pg_dump's own words;
// those of RunProgram and `on_output`.
Status DumpSchema(const postgres::Connection& connection, const SchemaDump& dump,
                  const std::function<Status(ByteView piece)>& on_output);

}  // namespace pgcairn::sources
