// Names of objects (docs/format.md, section 1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "repository/identifiers.h"
#include "util/clock.h"
#include "util/result.h"

namespace pgcairn::repository {

inline constexpr std::string_view kIdentityName = "repository";
inline constexpr std::string_view kIdentityCopyName = "repository.copy";
inline constexpr std::string_view kFormatName = "format/1";
inline constexpr std::string_view kCopySuffix = ".copy";

bool IsValidClusterName(std::string_view name);

// Makes an id from the moment a run starts and four random hexadecimal digits.
Result<std::string> NewBackupId(Timestamp started);
bool IsBackupId(std::string_view text);
// `started`, or a second after the backup `newest` when that would not sort after it: backups in
// one second, or a clock that was set back, must not turn the order of ids around.
Timestamp SortingAfter(Timestamp started, std::string_view newest);
// "20240101_020000" of a full id or of the seed's "backup_20240101_020000[.sql.gz]"; nothing for
// other texts.
std::optional<std::string> BackupIdPrefix(std::string_view text);

// Names below one cluster.
class ClusterNames {
 public:
  explicit ClusterNames(std::string_view cluster) : root_("clusters/" + std::string(cluster)) {}

  const std::string& Root() const { return root_; }
  std::string Keys() const { return root_ + "/keys"; }
  std::string Key(uint32_t generation, const AccessKeyId& id) const;
  std::string RemovedKeys() const { return Keys() + "/removed"; }
  std::string RemovedKey(const AccessKeyId& id) const;
  std::string Epochs() const { return root_ + "/epochs"; }
  std::string Epoch(uint32_t number) const;
  std::string Histories() const { return root_ + "/history"; }
  std::string History(uint64_t system_identifier) const;
  std::string Pack(const crypto::Sha256Digest& sha256) const;
  // Of the pack with that name; nothing when it is no pack's of this cluster.
  std::optional<crypto::Sha256Digest> PackOf(std::string_view name) const;
  std::string Backups() const { return root_ + "/backups"; }
  std::string Manifest(std::string_view backup_id) const;
  std::string References(std::string_view backup_id) const;
  std::string Wal(uint64_t system_identifier) const;
  // Any file that PostgreSQL archives; the caller has checked that `file` has such a name.
  std::string WalFile(uint64_t system_identifier, std::string_view file) const;
  std::string Leases() const { return root_ + "/leases"; }
  std::string Lease(std::string_view backup_id) const;
  std::string Trashes() const { return root_ + "/trash"; }
  // The parts of one prune's trash lie in it.
  std::string Trash(std::string_view prune_id) const;
  std::string TrashPart(std::string_view prune_id, uint32_t part) const;
  std::string Checkpoints() const { return root_ + "/checkpoints"; }
  std::string Checkpoint(std::string_view run_id, uint32_t number) const;
  std::string DamagedPacks() const { return root_ + "/damaged"; }
  std::string DamagedPack(const crypto::Sha256Digest& sha256) const;
  std::string Notes() const { return root_ + "/notes"; }
  // The directory of the notes on one backup.
  std::string NotesOn(std::string_view backup_id) const;
  std::string Note(std::string_view backup_id, uint32_t number) const;
  std::string Deletions() const { return Notes() + "/deleted"; }
  std::string Deletion(std::string_view prune_id) const;

 private:
  std::string root_;
};

}  // namespace pgcairn::repository
