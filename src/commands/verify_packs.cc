#include "commands/verify_packs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "commands/work_in_parallel.h"

namespace pgcairn::commands {
namespace {

using repository::StoredPack;

bool IsIn(const std::vector<StoredPack>& packs, const crypto::Sha256Digest& sha256) {
  return std::ranges::binary_search(packs, sha256, {}, &StoredPack::sha256);
}

std::string FolderOf(const std::string& name) { return name.substr(0, name.rfind('/')); }

}  // namespace

BadPacks ProvePacks(repository::ProvenPacks& packs, size_t threads, Progress& progress) {
  WorkInParallel(threads, packs.packs().size(), progress, [&]() -> Worker {
    // What is wrong is asked for below, to name it once with all the backups that need it.
    return [&packs](size_t index) { static_cast<void>(packs.Prove(index)); };
  });
  BadPacks bad;
  for (size_t i = 0; i < packs.packs().size(); ++i) {
    if (std::optional<Error> problem = packs.ProblemOf(i)) {
      bad.emplace(packs.packs()[i].sha256, std::move(*problem));
    }
  }
  return bad;
}

BadPacks FindAbsentPacks(storage::Storage& storage, const repository::ClusterNames& names,
                         const std::vector<StoredPack>& packs, const std::string& backup_id,
                         Findings& findings) {
  BadPacks bad;
  for (size_t first = 0; first < packs.size();) {
    const std::string folder = FolderOf(names.Pack(packs[first].sha256));
    Result<storage::Listing> listing = storage.List(folder);
    if (!listing.ok()) findings.Add(folder, listing.error(), {backup_id});
    for (; first < packs.size(); ++first) {
      const std::string name = names.Pack(packs[first].sha256);
      if (FolderOf(name) != folder) break;
      if (!listing.ok()) continue;
      auto found = std::ranges::lower_bound(listing->objects, name, {}, &storage::ObjectInfo::name);
      if (found == listing->objects.end() || found->name != name) {
        bad[packs[first].sha256] = {Code::kNotFound, name + " is missing", ""};
      } else if (found->size_bytes != packs[first].length) {
        bad[packs[first].sha256] = {Code::kDamaged,
                                    fmt::format("{} has {} bytes instead of {}", name,
                                                found->size_bytes, packs[first].length),
                                    ""};
      }
    }
  }
  return bad;
}

void NameBadPacks(const BadPacks& bad, const std::vector<std::string>& backup_ids,
                  const ListOfBackup& list_of, const repository::ClusterNames& names,
                  Findings& findings) {
  bool all_read = true;
  for (const std::string& id : backup_ids) {
    Result<std::vector<StoredPack>> list = list_of(id);
    all_read = all_read && list.ok();
    if (!list.ok()) continue;
    for (const auto& [sha256, error] : bad) {
      if (IsIn(*list, sha256)) findings.Add(names.Pack(sha256), error, {id});
    }
  }
  if (all_read) return;
  for (const auto& [sha256, error] : bad) findings.Add(names.Pack(sha256), error);
}

std::vector<StoredPack> PacksNotIn(const std::vector<StoredPack>& base,
                                   const std::vector<StoredPack>& packs,
                                   std::vector<StoredPack>& shared) {
  std::vector<StoredPack> others;
  for (const StoredPack& pack : packs) {
    (IsIn(base, pack.sha256) ? shared : others).push_back(pack);
  }
  return others;
}

}  // namespace pgcairn::commands
