// The timeline history file that a server never archived.
//
// A server archives the history file of a timeline when it begins it, and only then
// (writeTimeLineHistory in src/backend/access/transam/timeline.c asks XLogArchivingActive). One
// that was restored begins its timeline while archive_mode is off; when archiving is set on later,
// its segments come and that file does not. Without it nobody can tell where the timeline left its
// parent: no older backup can be brought onto it, and the next restored server takes the same
// number, whose segments the archive then refuses.
#pragma once

#include <string>

#include "postgres/lsn.h"
#include "repository/wal_store/wal_store.h"
#include "util/result.h"

namespace pgcairn::commands {

// Archives the history file of `timeline` from the folder `pg_wal`, unless it is archived. Does
// nothing for timeline 1, which has none, and where the folder does not hold it. `level` is zstd's.
// kRefused: the archive has another one: two servers began that timeline.
Status ArchiveHistory(const repository::WalStore& wal, postgres::TimelineId timeline,
                      const std::string& pg_wal, int level);

}  // namespace pgcairn::commands
