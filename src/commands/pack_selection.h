// Which packs only backups that go need, and which nobody needs: sorted lists are merged, no map is
// read.
#pragma once

#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "repository/cluster_access.h"
#include "repository/pack/pack_reference.h"
#include "util/result.h"

namespace pgcairn::commands {

// All rising. Memory: 32 bytes for each pack that stays and 40 for each other one, beside one
// reference list at a time.
struct PackSelection {
  std::vector<crypto::Sha256Digest> kept;        // needed by a backup that stays
  std::vector<repository::StoredPack> released;  // needed by backups that go only
  std::vector<repository::StoredPack> orphans;   // stored, and in no list

  // Takes from what may go what `backup_id` needs: a backup that stays after all, or a new one.
  // Errors: as ReadPackList.
  Status Spare(const repository::ClusterAccess& cluster, const std::string& backup_id);
  bool IsKept(const crypto::Sha256Digest& sha256) const;
};

// The reference list of a backup, against its manifest where that can be read. kDamaged, kNotFound:
// what the backup needs is not known.
Result<std::vector<repository::StoredPack>> ReadPackList(const repository::ClusterAccess& cluster,
                                                         const std::string& backup_id);

// `going` and `staying` together are all backups. kRefused: a reference list cannot be read (but
// those of `going` that are in `named`: such a backup's packs are orphans when it is gone), or
// `packs/` holds what is no pack.
Result<PackSelection> SelectPacks(const repository::ClusterAccess& cluster,
                                  const std::vector<std::string>& staying,
                                  const std::vector<std::string>& going,
                                  const std::vector<std::string>& named);

}  // namespace pgcairn::commands
