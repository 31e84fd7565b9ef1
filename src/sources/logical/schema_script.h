// Definitions as SQL for psql, where a server does not take them from pg_restore itself.
#pragma once

#include <string>
#include <vector>

#include "postgres/connection.h"
#include "sources/logical/schema_restore.h"
#include "util/bytes.h"
#include "util/result.h"

namespace pgcairn::sources {

// A pg_restore of 17 or newer begins every session with a setting that servers before 17 do not
// know, and takes their refusal for a failed restore (_doSetFixedOutputState in
// src/bin/pg_dump/pg_backup_archiver.c).
bool NeedsScript(const postgres::ClientProgram& pg_restore, int server_major);

// What pg_restore says with `arguments` (and the path of the archive) goes into a file beside the
// archive, without that setting, and from there to the server, by the psql that lies beside that
// pg_restore. It ends at the first error: kFailed with psql's own words.
Status RestoreByScript(const postgres::Connection& connection, const SchemaArchive& archive,
                       std::vector<std::string> arguments);

// Takes that setting out of a script, where its head has it: an equal line in a function's body
// stays.
class ScriptHead {
 public:
  // Of all pieces so far, what is now to be written.
  std::string Pass(ByteView piece);
  // When there are no more.
  std::string Rest();

 private:
  std::string head_;
  bool over_ = false;
};

}  // namespace pgcairn::sources
