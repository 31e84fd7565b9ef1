// What must be true of an existing directory before `restore --delta` changes anything in it
// (rule 9: the same cluster, and no server on it).
#pragma once

#include "commands/delta_cleanup.h"
#include "commands/restore_target.h"
#include "format/manifest.pb.h"
#include "util/result.h"

namespace pgcairn::commands {

// Nothing is changed. True: the data directory is of the manifest's cluster, whole or half
// restored. False: it is absent or empty, and an ordinary restore's checks apply.
// kRefused: it is neither; it is another cluster's; a server works on it or on what its links lead
// to; a link leads to a pg_wal or to a tablespace that the backup lacks, and the directory is not
// where the backup was taken: it may be a copy, and what would be emptied there the original's; a
// file belongs to another user; a tablespace would be mixed with what lies at its place; WAL that
// was never archived would be lost. kNoSpace. kDamaged: a pg_control or a marker that cannot
// be believed.
Result<bool> CheckDeltaTarget(const format::Manifest& manifest, const RestorePlaces& places);

// The same of config_directory, when the backup has configuration from outside: it may be absent or
// empty. kRefused: it is a link or no directory; nothing in it is of such a backup, so that it is
// another's; a file belongs to another user.
Status CheckDeltaConfig(const PathsOfBackup& paths, const RestorePlaces& places);

}  // namespace pgcairn::commands
