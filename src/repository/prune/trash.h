// Trash: what a prune means to delete, said before it does (docs/format.md, section 14;
// docs/adr/0007).
//
// A run that wrote its lease and reads the trash afterwards uses nothing that is listed there. A
// prune that wrote its trash reads the leases afterwards. Each writes before it reads, so that one
// of them sees the other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/sha256.h"
#include "format/runs.pb.h"
#include "repository/cluster_access.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::repository {

struct TrashList {
  std::vector<std::string> backup_ids;      // rising
  std::vector<crypto::Sha256Digest> packs;  // rising
  std::vector<std::string> wal_objects;     // whole names of objects below `wal/`
  bool empty() const { return backup_ids.empty() && packs.empty() && wal_objects.empty(); }
};

// Puts `list` under `prune_id` (of the form of a backup id) in as many objects as it takes. All of
// it is durable when it returns OK. kAlreadyExists: another prune has that id.
Status PutTrash(const ClusterAccess& cluster, const std::string& prune_id, Timestamp started,
                const TrashList& list);

struct StoredTrash {
  std::string prune_id;
  format::ProcessIdentity process;
  Timestamp started;
  TrashList list;
};

// That of every prune, by id. What is removed meanwhile may be missing: its prune has ended.
// kDamaged, kWrongKey, kUnsupported: an object cannot be read, or bears a name that no prune gives;
// anything may be listed in it.
Result<std::vector<StoredTrash>> ListTrash(const ClusterAccess& cluster);

// Durable. For the prune itself, at its end; for others when its process is proven dead, or when
// nothing that it lists exists any more.
Status RemoveTrash(const ClusterAccess& cluster, const std::string& prune_id);

// What must not be used: the question of a run that has just written its lease. Immutable: any
// number of threads may ask.
class TrashedObjects {
 public:
  TrashedObjects() = default;  // nothing is listed
  explicit TrashedObjects(const std::vector<StoredTrash>& trash);

  bool HasBackup(std::string_view backup_id) const;
  bool HasPack(const crypto::Sha256Digest& sha256) const;
  const std::vector<crypto::Sha256Digest>& packs() const { return packs_; }  // rising

 private:
  std::vector<std::string> backup_ids_;      // rising
  std::vector<crypto::Sha256Digest> packs_;  // rising
};

// Errors: as ListTrash. Then nothing may be used that was stored before.
Result<TrashedObjects> ReadTrash(const ClusterAccess& cluster);

}  // namespace pgcairn::repository
