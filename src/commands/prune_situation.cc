#include "commands/prune_situation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "repository/lease/process_identity.h"
#include "repository/lease/tombstone.h"

namespace pgcairn::commands {
namespace {

bool IsBackup(const repository::StoredLease& lease) {
  return lease.lease.kind() == format::Lease::BACKUP ||
         lease.lease.kind() == format::Lease::KIND_UNSPECIFIED;
}

bool IsOver(const repository::StoredLease& lease, Timestamp sign_of_life, Timestamp expired) {
  switch (repository::LifeOf(lease.lease.process())) {
    case repository::Life::kAlive:
      return false;
    case repository::Life::kDead:
      return true;
    case repository::Life::kUnknown:
      break;
  }
  return std::max(lease.stored_at, sign_of_life) < expired;
}

// Thousands of manifests are kept at once.
format::Manifest Lightened(format::Manifest manifest) {
  manifest.clear_control_file();
  manifest.clear_backup_label();
  manifest.clear_tablespace_map();
  manifest.clear_stream_lists();
  manifest.clear_bad_pages();
  manifest.clear_settings();
  manifest.clear_notes();
  // Of a logical backup retention asks whose it is.
  if (manifest.method() != format::Manifest::LOGICAL) manifest.clear_databases();
  return manifest;
}

Status ReadBackups(const repository::ClusterAccess& cluster, Situation& situation) {
  std::vector<std::string> there;
  for (const std::string& id : situation.inventory.backups.ids) {
    Result<repository::StoredManifest> stored = repository::ReadManifest(cluster, id);
    if (stored.ok()) {
      situation.backups[id] = Lightened(std::move(stored->manifest));
    } else if (stored.code() == Code::kNotFound) {
      continue;  // deleted, or given up, since it was listed
    } else if (stored.code() == Code::kDamaged || stored.code() == Code::kWrongKey) {
      situation.unreadable.emplace(id, stored.error());
    } else {
      return stored.error();
    }
    there.push_back(id);
  }
  situation.inventory.backups.ids = std::move(there);
  return {};
}

Status GiveUpWhatIsOver(const repository::ClusterAccess& cluster, const Runs& runs) {
  auto give_up = [&](const std::string& id, const std::string& reason) -> Status {
    // A manifest that was put first is among the backups that are read next.
    return repository::GiveUp(cluster, id, reason).status();
  };
  for (const repository::StoredLease& lease : runs.over) {
    const std::string& id = lease.lease.backup_id();
    if (!IsBackup(lease) || runs.IsResumable(id)) continue;
    RETURN_IF_ERROR(give_up(id, repository::IsProvenDead(lease.lease)
                                    ? "its process has ended"
                                    : "it gave no sign of life for too long"));
  }
  for (const std::string& id : runs.left_checkpoints) {
    RETURN_IF_ERROR(give_up(id, "nobody went on from where it stopped"));
  }
  return {};
}

}  // namespace

bool Runs::BackupsGoOn() const { return !resumable.empty() || std::ranges::any_of(live, IsBackup); }

bool Runs::IsLive(const std::string& run_id) const {
  return std::ranges::any_of(live, [&](const repository::StoredLease& lease) {
    return lease.lease.backup_id() == run_id;
  });
}

bool Runs::IsResumable(const std::string& run_id) const {
  return std::ranges::find(resumable, run_id) != resumable.end();
}

const repository::StoredLease* Runs::ReaderOfAll() const {
  for (const repository::StoredLease& lease : live) {
    bool reads =
        lease.lease.kind() == format::Lease::RESTORE || lease.lease.kind() == format::Lease::VERIFY;
    if (reads && !lease.lease.has_base_backup_id()) return &lease;
  }
  return nullptr;
}

std::map<std::string, std::vector<std::string>> Runs::Bases() const {
  std::map<std::string, std::vector<std::string>> bases;
  for (const repository::StoredLease& lease : live) {
    if (!lease.lease.has_base_backup_id()) continue;
    bases[lease.lease.base_backup_id()].push_back(repository::DescribeRun(lease.lease));
  }
  return bases;
}

Runs JudgeRuns(std::vector<repository::StoredLease> leases, const Inventory& inventory,
               const std::string& own_id, Timestamp now, int64_t expiry_s) {
  const Timestamp expired{now.unix_us - expiry_s * 1'000'000};
  Runs runs;
  for (repository::StoredLease& lease : leases) {
    const std::string& id = lease.lease.backup_id();
    if (id == own_id) continue;
    auto left = inventory.checkpoints.find(id);
    Timestamp sign_of_life =
        left == inventory.checkpoints.end() ? Timestamp{INT64_MIN} : left->second.newest_at;
    bool over = IsOver(lease, sign_of_life, expired);
    (over ? runs.over : runs.live).push_back(std::move(lease));
  }
  const std::vector<std::string>& committed = inventory.backups.ids;
  const std::vector<std::string>& tombstones = inventory.backups.tombstones;
  for (const auto& [run_id, checkpoints] : inventory.checkpoints) {
    if (runs.IsLive(run_id)) continue;
    bool ended = std::ranges::binary_search(committed, run_id) ||
                 std::ranges::binary_search(tombstones, run_id) || checkpoints.newest_at < expired;
    (ended ? runs.left_checkpoints : runs.resumable).push_back(run_id);
  }
  return runs;
}

Result<Situation> ReadSituation(const repository::ClusterAccess& cluster,
                                const SituationOptions& options) {
  Situation situation;
  situation.now = options.now;
  ASSIGN_OR_RETURN(std::vector<repository::StoredLease> leases, repository::ListLeases(cluster));
  ASSIGN_OR_RETURN(std::vector<repository::StoredTrash> trash, repository::ListTrash(cluster));
  ASSIGN_OR_RETURN(situation.inventory, TakeInventory(cluster));
  situation.runs = JudgeRuns(std::move(leases), situation.inventory, options.own_id, options.now,
                             options.expiry_s);
  if (options.give_up) {
    RETURN_IF_ERROR(GiveUpWhatIsOver(cluster, situation.runs));
    ASSIGN_OR_RETURN(situation.inventory.backups,
                     repository::ListBackups(cluster.storage, cluster.names));
    if (!situation.inventory.backups.unknown.empty()) {
      return UnknownNames(situation.inventory.backups.unknown);
    }
  }
  RETURN_IF_ERROR(ReadBackups(cluster, situation));
  for (repository::StoredTrash& one : trash) {
    if (one.prune_id == options.own_id) continue;
    if (repository::LifeOf(one.process) == repository::Life::kDead) {
      situation.dead_trash.push_back(one.prune_id);
      continue;
    }
    situation.as_good_as_gone.insert(one.list.backup_ids.begin(), one.list.backup_ids.end());
    situation.others_trash.push_back(std::move(one));
  }
  return situation;
}

Status RequireReadable(const Situation& situation, const std::vector<std::string>& named) {
  for (const auto& [id, error] : situation.unreadable) {
    if (std::ranges::find(named, id) != named.end()) continue;
    return Error{Code::kRefused,
                 fmt::format("the backup {} cannot be read, so that what it needs is not known: {}",
                             id, error.message),
                 fmt::format("`pgcairn verify --all` says more. To delete that backup, and what "
                             "only it needs, run: pgcairn prune --backup={}",
                             id)};
  }
  return {};
}

}  // namespace pgcairn::commands
