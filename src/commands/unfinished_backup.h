// Takes back what a backup stored that comes to an end without a manifest.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sha256.h"
#include "repository/cluster_access.h"
#include "repository/names.h"
#include "storage/forwarding/forwarding_storage.h"
#include "util/result.h"

namespace pgcairn::commands {

// Passes everything on and remembers which packs it stored: 32 bytes for each. Any thread.
//
// A run that wrote a checkpoint leaves its packs to the next one, which goes on from there; but
// when the room was used up they must go, or nothing else could be stored either, WAL among it. The
// checkpoints go before the packs then, after a tombstone that keeps others from using them.
//
// Why it is safe to delete them: a pack's name is the hash of bytes that hold a salt of its own, so
// no other run can have stored it or be told that it exists; and packs are used through manifests
// alone, of which this run has none. That holds until the manifest is put: an error of that put
// does not tell whether it exists, so from there on nothing is taken back, and what nobody refers
// to is left for pruning. So are packs whose put failed or that were there already.
class UnfinishedBackup : public storage::ForwardingStorage {
 public:
  // `inner` outlives this.
  UnfinishedBackup(storage::Storage& inner, repository::ClusterNames names,
                   std::string_view backup_id);

  using Storage::PutIfAbsent;
  Status PutIfAbsent(std::string_view name, std::span<const ByteView> parts) override;
  Status Delete(std::string_view name) override;

  // Whether the lease under the backup's id was put by this run, or may have been: the reply was
  // lost. One that was there before is another run's.
  bool MayHaveLease() const;

  // Deletes the packs that were stored, durably; nothing after the manifest was put, or tried to,
  // and nothing that can be gone on from. No put may be under way. Stops at the first that cannot
  // be deleted.
  Status TakeBack(const repository::ClusterAccess& cluster);

 private:
  void Remember(std::string_view name);

  const repository::ClusterNames names_;
  const std::string backup_id_;
  const std::string manifest_;
  const std::string lease_;
  const std::string checkpoints_;  // what their names begin with
  mutable std::mutex mutex_;
  std::vector<crypto::Sha256Digest> packs_;
  bool may_have_lease_ = false;
  bool has_checkpoint_ = false;
  bool room_was_used_up_ = false;
};

}  // namespace pgcairn::commands
