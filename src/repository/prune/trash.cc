#include "repository/prune/trash.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/lease/process_identity.h"
#include "repository/names.h"
#include "repository/seal/document.h"

namespace pgcairn::repository {
namespace {

// Half of what a document may hold, so that no count of anything comes near its bound.
constexpr size_t kPartBytesMax = kSealedDocumentBytesMax / 2;
constexpr size_t kPackDigestBytes = 32;

// Cuts a list into messages.
class TrashParts {
 public:
  TrashParts(const ClusterAccess& cluster, std::string prune_id, Timestamp started)
      : cluster_(cluster), prune_id_(std::move(prune_id)), started_(started) {
    Begin();
  }

  Status Add(const TrashList& list) {
    for (const std::string& id : list.backup_ids) {
      message_.add_backup_ids(id);
      RETURN_IF_ERROR(Count(id.size() + 2));
    }
    for (const crypto::Sha256Digest& pack : list.packs) {
      message_.mutable_packs()->append(AsText(pack.view()));
      RETURN_IF_ERROR(Count(kPackDigestBytes));
    }
    for (const std::string& name : list.wal_objects) {
      message_.add_wal_objects(name.substr(cluster_.names.Root().size() + 1));
      RETURN_IF_ERROR(Count(name.size() + 4));
    }
    return Put();
  }

 private:
  void Begin() {
    message_.Clear();
    message_.set_prune_id(prune_id_);
    message_.set_part(part_);
    message_.set_started_at_us(started_.unix_us);
    *message_.mutable_process() = ThisProcess();
    bytes_ = 0;
  }

  Status Count(size_t bytes) {
    bytes_ += bytes;
    if (bytes_ < kPartBytesMax) return {};
    RETURN_IF_ERROR(Put());
    ++part_;
    Begin();
    return {};
  }

  Status Put() {
    ASSIGN_OR_RETURN(Bytes object, SealDocument(ObjectKind::kTrash, cluster_.keys.Current(),
                                                cluster_.place, message_.SerializeAsString()));
    const std::string name = cluster_.names.TrashPart(prune_id_, part_);
    return cluster_.storage.PutIfAbsent(name, object).Context("writing " + name);
  }

  const ClusterAccess& cluster_;
  const std::string prune_id_;
  const Timestamp started_;
  format::Trash message_;
  uint32_t part_ = 0;
  size_t bytes_ = 0;
};

Error NotTrash(const std::string& name) {
  return {Code::kDamaged, fmt::format("{} is not what a prune means to delete", name),
          "pgcairn did not put it there, or it is damaged: remove it when no prune goes on"};
}

Status TakePart(const ClusterAccess& cluster, const std::string& name, const format::Trash& part,
                StoredTrash& into) {
  if (part.prune_id() != into.prune_id ||
      cluster.names.TrashPart(into.prune_id, part.part()) != name ||
      part.packs().size() % kPackDigestBytes != 0) {
    return NotTrash(name);
  }
  into.process = part.process();
  into.started = Timestamp{part.started_at_us()};
  for (const std::string& id : part.backup_ids()) into.list.backup_ids.push_back(id);
  for (size_t at = 0; at < part.packs().size(); at += kPackDigestBytes) {
    crypto::Sha256Digest pack;
    std::copy_n(part.packs().begin() + static_cast<ptrdiff_t>(at), kPackDigestBytes,
                pack.bytes.begin());
    into.list.packs.push_back(pack);
  }
  for (const std::string& wal : part.wal_objects()) {
    into.list.wal_objects.push_back(cluster.names.Root() + "/" + wal);
  }
  return {};
}

// "<prune id>.<part>": the id.
Result<std::string> PruneIdOf(const ClusterAccess& cluster, const std::string& name) {
  std::string part = name.substr(cluster.names.Trashes().size() + 1);
  std::string id = part.substr(0, part.find('.'));
  if (!IsBackupId(id)) return NotTrash(name);
  return id;
}

}  // namespace

Status PutTrash(const ClusterAccess& cluster, const std::string& prune_id, Timestamp started,
                const TrashList& list) {
  return TrashParts(cluster, prune_id, started).Add(list);
}

Result<std::vector<StoredTrash>> ListTrash(const ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(storage::Listing listing, cluster.storage.List(cluster.names.Trashes()));
  if (!listing.directories.empty()) return NotTrash(listing.directories.front());
  std::vector<StoredTrash> all;
  for (const storage::ObjectInfo& info : listing.objects) {
    ASSIGN_OR_RETURN(std::string id, PruneIdOf(cluster, info.name));
    Result<Bytes> object = cluster.storage.Get(info.name, kSealedDocumentBytesMax);
    if (!object.ok() && object.code() == Code::kNotFound) continue;
    if (!object.ok()) return std::move(object).Context("reading " + info.name).error();
    Result<std::string> message =
        OpenDocument(ObjectKind::kTrash, *object, cluster.place, cluster.keys.Lookup());
    if (!message.ok()) return std::move(message).Context("opening " + info.name).error();
    format::Trash part;
    if (!part.ParseFromString(*message)) return NotTrash(info.name);
    if (all.empty() || all.back().prune_id != id) {
      all.emplace_back();
      all.back().prune_id = std::move(id);
    }
    RETURN_IF_ERROR(TakePart(cluster, info.name, part, all.back()));
  }
  return all;
}

Status RemoveTrash(const ClusterAccess& cluster, const std::string& prune_id) {
  ASSIGN_OR_RETURN(storage::Listing listing, cluster.storage.List(cluster.names.Trashes()));
  const std::string prefix = cluster.names.Trashes() + "/" + prune_id + ".";
  for (const storage::ObjectInfo& info : listing.objects) {
    if (!info.name.starts_with(prefix)) continue;
    RETURN_IF_ERROR(cluster.storage.Delete(info.name).Context("removing " + info.name));
  }
  return {};
}

TrashedObjects::TrashedObjects(const std::vector<StoredTrash>& trash) {
  for (const StoredTrash& one : trash) {
    backup_ids_.insert(backup_ids_.end(), one.list.backup_ids.begin(), one.list.backup_ids.end());
    packs_.insert(packs_.end(), one.list.packs.begin(), one.list.packs.end());
  }
  std::sort(backup_ids_.begin(), backup_ids_.end());
  std::sort(packs_.begin(), packs_.end());
}

bool TrashedObjects::HasBackup(std::string_view backup_id) const {
  return std::binary_search(backup_ids_.begin(), backup_ids_.end(), backup_id);
}

bool TrashedObjects::HasPack(const crypto::Sha256Digest& sha256) const {
  return std::binary_search(packs_.begin(), packs_.end(), sha256);
}

Result<TrashedObjects> ReadTrash(const ClusterAccess& cluster) {
  ASSIGN_OR_RETURN(std::vector<StoredTrash> trash, ListTrash(cluster));
  return TrashedObjects(trash);
}

}  // namespace pgcairn::repository
