#include "commands/verify_inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "format/damaged.pb.h"
#include "format/keys.pb.h"
#include "format/notes.pb.h"
#include "format/runs.pb.h"
#include "repository/lease/tombstone.h"
#include "repository/manifest/manifest_store.h"
#include "repository/names.h"
#include "repository/seal/document.h"
#include "repository/seal/stored_shape.h"

namespace pgcairn::commands {
namespace {

using repository::ObjectKind;

std::string_view LastComponent(std::string_view name) { return name.substr(name.rfind('/') + 1); }

std::string Unknown(const std::string& name) {
  return name + " is not known: pgcairn did not put it there, or a newer one did";
}

// An empty listing, and a finding, when the directory cannot be listed.
storage::Listing ListOrReport(storage::Storage& storage, const std::string& directory,
                              Findings& findings) {
  Result<storage::Listing> listing = storage.List(directory);
  if (listing.ok()) return std::move(*listing);
  findings.Add(directory, listing.error());
  return {};
}

bool IsListed(const std::vector<repository::StoredPack>& references,
              const crypto::Sha256Digest& sha256) {
  auto found = std::lower_bound(
      references.begin(), references.end(), sha256,
      [](const auto& listed, const auto& wanted) { return listed.sha256 < wanted; });
  return found != references.end() && found->sha256 == sha256;
}

Result<std::string> OpenStored(ObjectKind kind, ByteView object,
                               const repository::ClusterAccess* cluster) {
  if (kind == ObjectKind::kDamagedPack) return repository::DecodePlainDocument(kind, object);
  if (cluster == nullptr) {
    RETURN_IF_ERROR(repository::CheckStoredShape(kind, object));
    return std::string();
  }
  return repository::OpenDocument(kind, object, cluster->place, cluster->keys.Lookup());
}

Status CheckHistory(const std::string& name, const std::string& message,
                    const repository::ClusterNames& names) {
  format::ClusterHistory entry;
  if (entry.ParseFromString(message) && names.History(entry.system_identifier()) == name) return {};
  return Error{Code::kDamaged, name + " is the history of another PostgreSQL cluster", ""};
}

Status CheckLease(const std::string& name, const std::string& message,
                  const repository::ClusterNames& names) {
  format::Lease lease;
  if (lease.ParseFromString(message) && names.Lease(lease.backup_id()) == name) return {};
  return Error{Code::kDamaged, name + " is the lease of another backup", ""};
}

Status CheckNote(const std::string& name, const std::string& message,
                 const repository::ClusterNames& names) {
  format::BackupNote note;
  if (note.ParseFromString(message) && names.Note(note.backup_id(), note.number()) == name) {
    return {};
  }
  return Error{Code::kDamaged, name + " is a note on another backup, or another one", ""};
}

Status CheckDeletion(const std::string& name, const std::string& message,
                     const repository::ClusterNames& names) {
  format::Deletion deletion;
  if (deletion.ParseFromString(message) && names.Deletion(deletion.prune_id()) == name) return {};
  return Error{Code::kDamaged, name + " is the record of another prune", ""};
}

Status CheckTrash(const std::string& name, const std::string& message,
                  const repository::ClusterNames& names) {
  format::Trash trash;
  if (trash.ParseFromString(message) && names.TrashPart(trash.prune_id(), trash.part()) == name) {
    return {};
  }
  return Error{Code::kDamaged, name + " is what another prune means to delete", ""};
}

Status CheckDamagedPack(const std::string& name, const std::string& message,
                        const repository::ClusterNames& names) {
  format::DamagedPack record;
  if (record.ParseFromString(message) &&
      names.DamagedPacks() + "/" + ToHex(AsBytes(record.sha256())) == name) {
    return {};
  }
  return Error{Code::kDamaged, name + " is the record of another pack", ""};
}

}  // namespace

Result<BackupNames> ListBackupNames(storage::Storage& storage,
                                    const repository::ClusterNames& names, Findings& findings) {
  ASSIGN_OR_RETURN(repository::BackupNames found, repository::ListBackups(storage, names));
  for (const std::string& name : found.unknown) findings.Warn(Unknown(name));
  for (const std::string& id : found.tombstones) {
    const std::string name = names.Manifest(id);
    Result<Bytes> object = storage.Get(name, repository::kTombstoneBytesMax);
    Status status = object.ok() ? repository::ReadTombstone(*object, id).status() : object.status();
    if (!status.ok()) findings.Add(name, status.error());
  }
  BackupNames backups;
  backups.ids = std::move(found.ids);
  for (std::string& id : found.lists) {
    // Of a run that was given up between its list and its manifest: prune removes it.
    if (!std::ranges::binary_search(found.tombstones, id)) backups.lists.insert(std::move(id));
  }
  return backups;
}

OrphanPacks FindOrphanPacks(storage::Storage& storage, const repository::ClusterNames& names,
                            const std::vector<repository::StoredPack>& references,
                            Findings& findings) {
  OrphanPacks orphans;
  storage::Listing folders = ListOrReport(storage, names.Root() + "/packs", findings);
  for (const storage::ObjectInfo& object : folders.objects) findings.Warn(Unknown(object.name));
  for (const std::string& folder : folders.directories) {
    storage::Listing packs = ListOrReport(storage, folder, findings);
    for (const std::string& directory : packs.directories) findings.Warn(Unknown(directory));
    for (const storage::ObjectInfo& object : packs.objects) {
      std::optional<Bytes> hash = FromHex(LastComponent(object.name));
      crypto::Sha256Digest sha256;
      if (hash && hash->size() == sha256.bytes.size()) {
        std::copy(hash->begin(), hash->end(), sha256.bytes.begin());
      }
      if (names.Pack(sha256) != object.name) {
        findings.Warn(Unknown(object.name));
      } else if (!IsListed(references, sha256)) {
        ++orphans.count;
        orphans.bytes += object.size_bytes;
      }
    }
  }
  return orphans;
}

void WarnOfUnknown(storage::Storage& storage, const repository::ClusterNames& names,
                   Findings& findings) {
  static constexpr std::array<std::string_view, 11> kKnown{
      "keys",   "epochs", "packs",   "backups", "history",    "wal",
      "leases", "trash",  "damaged", "notes",   "checkpoints"};
  storage::Listing listing = ListOrReport(storage, names.Root(), findings);
  for (const storage::ObjectInfo& object : listing.objects) findings.Warn(Unknown(object.name));
  for (const std::string& directory : listing.directories) {
    if (std::find(kKnown.begin(), kKnown.end(), LastComponent(directory)) == kKnown.end()) {
      findings.Warn(Unknown(directory));
    }
  }
}

void VerifyDocuments(storage::Storage& storage, const repository::ClusterNames& names,
                     const repository::ClusterAccess* cluster, const std::set<uint64_t>& systems,
                     Findings& findings) {
  auto verify = [&](const std::string& directory, ObjectKind kind, auto check) {
    storage::Listing listing = ListOrReport(storage, directory, findings);
    for (const storage::ObjectInfo& object : listing.objects) {
      Result<Bytes> bytes = storage.Get(object.name, repository::kSealedDocumentBytesMax);
      Result<std::string> message = bytes.ok()
                                        ? OpenStored(kind, *bytes, cluster).Context(object.name)
                                        : Result<std::string>(bytes.error());
      Status status = message.status();
      if (status.ok() && (cluster != nullptr || kind == ObjectKind::kDamagedPack)) {
        status = check(object.name, *message, names);
      }
      // A lease and trash go away when their run ends, a note when its backup is deleted, the
      // record of a damaged pack when it is good again.
      bool may_go = kind == ObjectKind::kLease || kind == ObjectKind::kNote ||
                    kind == ObjectKind::kTrash || kind == ObjectKind::kDamagedPack;
      if (status.ok() || (may_go && status.code() == Code::kNotFound)) continue;
      findings.Add(object.name, status.error());
    }
  };
  verify(names.Histories(), ObjectKind::kHistory, CheckHistory);
  verify(names.Leases(), ObjectKind::kLease, CheckLease);
  verify(names.Deletions(), ObjectKind::kNote, CheckDeletion);
  storage::Listing trash = ListOrReport(storage, names.Trashes(), findings);
  for (const std::string& directory : trash.directories) {
    verify(directory, ObjectKind::kTrash, CheckTrash);
  }
  storage::Listing notes = ListOrReport(storage, names.Notes(), findings);
  for (const storage::ObjectInfo& object : notes.objects) findings.Warn(Unknown(object.name));
  for (const std::string& directory : notes.directories) {
    if (directory == names.Deletions()) continue;
    if (repository::IsBackupId(LastComponent(directory))) {
      verify(directory, ObjectKind::kNote, CheckNote);
    } else {
      findings.Warn(Unknown(directory));
    }
  }
  verify(names.DamagedPacks(), ObjectKind::kDamagedPack, CheckDamagedPack);
  for (uint64_t system : systems) {
    Result<storage::ObjectInfo> info = storage.Stat(names.History(system));
    if (info.ok()) continue;
    findings.Add(names.History(system), info.error());
  }
}

}  // namespace pgcairn::commands
