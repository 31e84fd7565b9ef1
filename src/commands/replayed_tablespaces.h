// Tablespaces that recovery itself makes. A CREATE TABLESPACE in the log names a directory, and
// recovery writes into that one, wherever the data directory was restored to: on a host where the
// original still runs, that is a directory of the running server.
//
// Source: tblspc_redo and create_tablespace_directories in src/backend/commands/tablespace.c.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/restore_target.h"
#include "commands/wal_run.h"
#include "format/manifest.pb.h"
#include "postgres/lsn.h"
#include "postgres/wal/wal_record.h"
#include "util/result.h"

namespace pgcairn::commands {

// Those whose records recovery of the run reads and that begin before `before` (nothing: to the
// end), in the order of the log. Those inside the data directory are left out.
Result<std::vector<postgres::TablespaceCreation>> FindReplayedTablespaces(
    const Archive& archive, const WalRun& run, std::optional<postgres::Lsn> before);

// For a restore, before anything is written. Makes the directories that recovery will ask for where
// they are absent. kRefused: one of them holds files of the backup's major version that are not the
// target's own (a link in its pg_tblspc leads there, or the restore writes that very place); or
// --tablespace-map moves a tablespace to where recovery makes another one, or moves one that
// recovery would move back.
Status PrepareReplayedTablespaces(const std::vector<postgres::TablespaceCreation>& tablespaces,
                                  const format::Manifest& manifest, const RestorePlaces& places);

// For a trial restore, which writes nowhere but in its own place: kRefused when there is any.
Status RefuseReplayedTablespaces(const std::vector<postgres::TablespaceCreation>& tablespaces,
                                 const format::Manifest& manifest);

}  // namespace pgcairn::commands
