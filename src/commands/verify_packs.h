// Packs as a whole: which are bad, and which backups need them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "commands/verify_report.h"
#include "crypto/sha256.h"
#include "repository/names.h"
#include "repository/pack/pack_reference.h"
#include "repository/pack/proven_packs.h"
#include "storage/storage.h"
#include "util/progress.h"
#include "util/result.h"

namespace pgcairn::commands {

// What is wrong with each.
using BadPacks = std::map<crypto::Sha256Digest, Error>;

// Reads those that no map led to, of a backup that cannot be opened or without a key all of them,
// and returns all that are bad.
BadPacks ProvePacks(repository::ProvenPacks& packs, size_t threads, Progress& progress);

// Those of `packs`, in rising order, that are not there with their length. Lists their folders and
// reads none; a folder that cannot be listed goes into the findings, with the backup that needs it.
BadPacks FindAbsentPacks(storage::Storage& storage, const repository::ClusterNames& names,
                         const std::vector<repository::StoredPack>& packs,
                         const std::string& backup_id, Findings& findings);

// The reference list of a backup.
using ListOfBackup =
    std::function<Result<std::vector<repository::StoredPack>>(const std::string& backup_id)>;

// Each into the findings once, with all of `backup_ids` whose list names it. One that nobody's does
// is left out, for it was deleted with its backup, unless a list cannot be read.
void NameBadPacks(const BadPacks& bad, const std::vector<std::string>& backup_ids,
                  const ListOfBackup& list_of, const repository::ClusterNames& names,
                  Findings& findings);

// Those of `packs` that are not in `base`; both rise. The other ones go to `shared`.
std::vector<repository::StoredPack> PacksNotIn(const std::vector<repository::StoredPack>& base,
                                               const std::vector<repository::StoredPack>& packs,
                                               std::vector<repository::StoredPack>& shared);

}  // namespace pgcairn::commands
