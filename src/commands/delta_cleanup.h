// Removes from a data directory, and from the configuration beside it, what the backup does not
// have, before a delta restore.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "commands/restore_target.h"
#include "crypto/sha256.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "util/result.h"

namespace pgcairn::commands {

// What a backup has below a directory: whether a path is a directory.
using PathsBelow = std::unordered_map<std::string, bool>;

struct PathsOfBackup {
  PathsBelow data_directory;
  PathsBelow config_directory;  // empty: the backup has no configuration from outside
  // Those that the lists name, each once.
  std::map<crypto::Sha256Digest, uint64_t> pack_bytes;
};

// kDamaged, kNotFound: a stream list cannot be read. To be known before anything is touched.
// Memory: about 150 bytes for each file of the backup.
Result<PathsOfBackup> ReadPathsOfBackup(const repository::ClusterAccess& cluster,
                                        const format::Manifest& manifest);

// Of tablespaces only the directory of the backup's major version is touched; that of a tablespace
// which the backup does not have goes with its link, for a server that replays the making of that
// tablespace would take old pages for new ones. Gone with everything else is what PostgreSQL makes
// anew at its start, and all WAL: it may be of a future that is given up, under names that the
// archive's WAL has too, and a server that does not find a segment in the archive replays what
// lies there. A link pg_wal stays, and what it leads to is emptied.
//
// A directory "lost+found", and a link of the server's log to elsewhere, stay. So does the whole
// config_directory when the backup has no configuration from outside.
//
// Returns the number of files and links removed. What is removed from the two directories is not
// durable until their file systems are synced.
Result<uint64_t> RemoveWhatBackupLacks(PathsOfBackup wanted, const format::Manifest& manifest,
                                       const RestorePlaces& places);

}  // namespace pgcairn::commands
