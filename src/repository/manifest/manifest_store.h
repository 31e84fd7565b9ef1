// Manifests: the existence of backups (docs/format.md, sections 4 and 11).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "format/manifest.pb.h"
#include "repository/cluster_access.h"
#include "repository/pack/pack_reference.h"
#include "util/result.h"

namespace pgcairn::repository {

// Writes the reference list and then the manifest, whose put is the commit: when this returns OK
// the backup exists and is durable. `manifest` gets the reference list's hash, length and counts,
// in which a pack that stands in `packs` twice counts once. kAlreadyExists: the name is taken, and
// nothing was committed; when a tombstone took it, the message says who gave the run up, and why.
Status CommitBackup(const ClusterAccess& cluster, format::Manifest& manifest,
                    std::vector<StoredPack> packs);

struct StoredManifest {
  format::Manifest manifest;
  crypto::Sha256Digest sha256;  // of the stored object
};

// kNotFound: no such backup, or a tombstone stands there: its run was given up. kDamaged: the
// object is not the manifest of that backup.
Result<StoredManifest> ReadManifest(const ClusterAccess& cluster, const std::string& backup_id);

// Ids of all backups, oldest first; of those objects under a backup's name that are small enough to
// be a tombstone, the first bytes are read.
Result<std::vector<std::string>> ListBackupIds(const ClusterAccess& cluster);

// What stands in `backups/`.
struct BackupNames {
  std::vector<std::string> ids;         // of manifests, oldest first
  std::vector<std::string> tombstones;  // ids of runs that were given up, oldest first
  std::vector<std::string> lists;       // ids of reference lists, oldest first
  std::vector<std::string> unknown;     // whole names of objects and directories of nobody's
};
Result<BackupNames> ListBackups(storage::Storage& storage, const ClusterNames& names);

// The id that `text` means: "latest", a full id, or the seed's "backup_20240101_020000[.sql.gz]".
// kNotFound names what there is; kUsage: the text is no id, or fits several backups.
Result<std::string> ResolveBackupId(const std::vector<std::string>& ids, std::string_view text);

// The reference list, checked against the manifest.
Result<std::vector<StoredPack>> ReadReferences(const ClusterAccess& cluster,
                                               const format::Manifest& manifest);

}  // namespace pgcairn::repository
