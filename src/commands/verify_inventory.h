// What lies in a cluster's folder: what no backup refers to, what nobody knows, and the documents
// that backups do not name.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "commands/verify_report.h"
#include "repository/cluster_access.h"
#include "repository/pack/pack_reference.h"
#include "storage/storage.h"
#include "util/result.h"

namespace pgcairn::commands {

// Names in `backups/`.
struct BackupNames {
  std::vector<std::string> ids;  // of manifests, oldest first
  std::set<std::string> lists;   // ids of reference lists
};
Result<BackupNames> ListBackupNames(storage::Storage& storage,
                                    const repository::ClusterNames& names, Findings& findings);

struct OrphanPacks {
  uint64_t count = 0;
  uint64_t bytes = 0;
};
// Packs that are not in `references`, which rise. Warns of names that are no packs'.
OrphanPacks FindOrphanPacks(storage::Storage& storage, const repository::ClusterNames& names,
                            const std::vector<repository::StoredPack>& references,
                            Findings& findings);

// Warns of folders and objects that this version does not know.
void WarnOfUnknown(storage::Storage& storage, const repository::ClusterNames& names,
                   Findings& findings);

// The documents of `history/`, `leases/`, `notes/` and `damaged/`; with a key (`cluster`, else
// null) those that are sealed are opened.
// Each of `systems` must have its history object.
void VerifyDocuments(storage::Storage& storage, const repository::ClusterNames& names,
                     const repository::ClusterAccess* cluster, const std::set<uint64_t>& systems,
                     Findings& findings);

}  // namespace pgcairn::commands
