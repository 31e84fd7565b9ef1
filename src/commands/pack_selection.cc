#include "commands/pack_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "commands/prune_inventory.h"
#include "repository/manifest/manifest_store.h"
#include "repository/manifest/reference_list.h"

namespace pgcairn::commands {
namespace {

using repository::StoredPack;

constexpr uint64_t kReferenceListBytesMax = uint64_t{1} << 30;

bool Before(const StoredPack& a, const StoredPack& b) { return a.sha256 < b.sha256; }

bool Holds(const std::vector<StoredPack>& packs, const crypto::Sha256Digest& sha256) {
  return std::binary_search(packs.begin(), packs.end(), StoredPack{sha256, 0}, Before);
}

void AddKept(std::vector<crypto::Sha256Digest>& kept, const std::vector<StoredPack>& list) {
  std::vector<crypto::Sha256Digest> added;
  added.reserve(list.size());
  for (const StoredPack& pack : list) added.push_back(pack.sha256);
  std::vector<crypto::Sha256Digest> merged;
  merged.reserve(std::max(kept.size(), added.size()));
  std::set_union(kept.begin(), kept.end(), added.begin(), added.end(), std::back_inserter(merged));
  kept = std::move(merged);
}

void AddReleased(std::vector<StoredPack>& released, const std::vector<StoredPack>& list) {
  std::vector<StoredPack> merged;
  merged.reserve(std::max(released.size(), list.size()));
  std::set_union(released.begin(), released.end(), list.begin(), list.end(),
                 std::back_inserter(merged), Before);
  released = std::move(merged);
}

Error Unreadable(const std::string& id, const Error& error) {
  return {Code::kRefused,
          fmt::format("which packs the backup {} needs is not known: {}", id, error.message),
          fmt::format("`pgcairn verify --all` says more. To delete that backup, and what only it "
                      "needs, run: pgcairn prune --backup={}",
                      id)};
}

Status FindOrphans(const repository::ClusterAccess& cluster, PackSelection& selection) {
  std::vector<std::string> unknown;
  ASSIGN_OR_RETURN(storage::Listing folders, cluster.storage.List(cluster.names.Root() + "/packs"));
  for (const storage::ObjectInfo& object : folders.objects) unknown.push_back(object.name);
  for (const std::string& folder : folders.directories) {
    ASSIGN_OR_RETURN(storage::Listing packs, cluster.storage.List(folder));
    unknown.insert(unknown.end(), packs.directories.begin(), packs.directories.end());
    for (const storage::ObjectInfo& object : packs.objects) {
      std::optional<crypto::Sha256Digest> sha256 = cluster.names.PackOf(object.name);
      if (!sha256) {
        unknown.push_back(object.name);
      } else if (!selection.IsKept(*sha256) && !Holds(selection.released, *sha256)) {
        selection.orphans.push_back({*sha256, object.size_bytes});
      }
    }
  }
  if (!unknown.empty()) return UnknownNames(unknown);
  return {};
}

}  // namespace

bool PackSelection::IsKept(const crypto::Sha256Digest& sha256) const {
  return std::binary_search(kept.begin(), kept.end(), sha256);
}

Status PackSelection::Spare(const repository::ClusterAccess& cluster,
                            const std::string& backup_id) {
  ASSIGN_OR_RETURN(std::vector<StoredPack> list, ReadPackList(cluster, backup_id));
  auto needed = [&](const StoredPack& pack) { return Holds(list, pack.sha256); };
  std::erase_if(released, needed);
  std::erase_if(orphans, needed);
  AddKept(kept, list);
  return {};
}

Result<std::vector<StoredPack>> ReadPackList(const repository::ClusterAccess& cluster,
                                             const std::string& backup_id) {
  Result<repository::StoredManifest> stored = repository::ReadManifest(cluster, backup_id);
  if (stored.ok()) return repository::ReadReferences(cluster, stored->manifest);
  if (stored.code() != Code::kDamaged && stored.code() != Code::kWrongKey) return stored.error();
  ASSIGN_OR_RETURN(
      Bytes text, cluster.storage.Get(cluster.names.References(backup_id), kReferenceListBytesMax));
  return repository::DecodeReferenceList(backup_id, text);
}

Result<PackSelection> SelectPacks(const repository::ClusterAccess& cluster,
                                  const std::vector<std::string>& staying,
                                  const std::vector<std::string>& going,
                                  const std::vector<std::string>& named) {
  PackSelection selection;
  for (const std::string& id : staying) {
    Result<std::vector<StoredPack>> list = ReadPackList(cluster, id);
    if (!list.ok()) return Unreadable(id, list.error());
    AddKept(selection.kept, *list);
  }
  for (const std::string& id : going) {
    Result<std::vector<StoredPack>> list = ReadPackList(cluster, id);
    if (list.ok()) {
      AddReleased(selection.released, *list);
    } else if (std::ranges::find(named, id) == named.end()) {
      return Unreadable(id, list.error());
    }
  }
  std::erase_if(selection.released,
                [&](const StoredPack& pack) { return selection.IsKept(pack.sha256); });
  RETURN_IF_ERROR(FindOrphans(cluster, selection));
  return selection;
}

}  // namespace pgcairn::commands
