#include "commands/backup_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "commands/backup_id.h"
#include "repository/damaged/damaged_store.h"
#include "repository/lease/lease.h"
#include "repository/manifest/manifest_store.h"
#include "repository/names.h"
#include "storage/local/local_storage.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

void StoreThrough(BackupRun& run) {
  std::unique_ptr<repository::ClusterAccess> direct = std::move(run.opened.cluster);
  storage::Storage* through = nullptr;
  if (run.test) {
    run.discarding = std::make_unique<storage::DiscardingStorage>(*run.opened.storage);
    through = run.discarding.get();
  } else {
    run.unfinished =
        std::make_unique<UnfinishedBackup>(*run.opened.storage, direct->names, run.backup_id);
    through = run.unfinished.get();
  }
  run.opened.cluster = std::make_unique<repository::ClusterAccess>(
      repository::ClusterAccess{*through, direct->names, direct->place, std::move(direct->keys)});
}

// The earlier lease wins, by the storage's clock; a run that ended without removing its lease does
// not count.
Status RefuseBesideAnother(const BackupRun& run) {
  if (run.test) return {};
  ASSIGN_OR_RETURN(std::vector<repository::StoredLease> leases,
                   repository::ListLeases(run.cluster()));
  auto rank = [](const repository::StoredLease& lease) {
    return std::pair(lease.stored_at, lease.lease.backup_id());
  };
  auto own = std::ranges::find_if(leases, [&](const repository::StoredLease& lease) {
    return lease.lease.backup_id() == run.backup_id;
  });
  if (own == leases.end()) {
    return Error{Code::kRefused, "the lease of this backup is gone: somebody gave up on it",
                 "run `pgcairn backup` again"};
  }
  const int64_t expired_us = own->stored_at.unix_us - run.settings.prune.lease_expiry * 1'000'000;
  for (const repository::StoredLease& other : leases) {
    if (other.lease.kind() != format::Lease::BACKUP || rank(other) >= rank(*own) ||
        repository::IsProvenDead(other.lease) || other.stored_at.unix_us < expired_us) {
      continue;
    }
    return Error{Code::kRefused,
                 fmt::format("another backup of this cluster goes on: {}",
                             repository::DescribeRun(other.lease)),
                 "wait until it has ended; when its process is gone on another host, it is given "
                 "up after prune.lease_expiry"};
  }
  return {};
}

}  // namespace

BackupRunEnd::~BackupRunEnd() {
  Status removed = run_.unfinished ? run_.unfinished->TakeBack(run_.cluster()) : Status();
  if (!removed.ok()) LogWarning("{}", removed.error().message);
  // Under the same name there may be another run's.
  if (!run_.unfinished || !run_.unfinished->MayHaveLease()) return;
  removed = repository::RemoveLease(run_.cluster(), run_.backup_id);
  if (!removed.ok()) LogWarning("{}", removed.error().message);
}

Result<BackupBase> BeginRun(BackupRun& run, const std::optional<BaseWanted>& wanted,
                            const std::optional<format::WalNeed>& wal) {
  repository::LeaseTerms lease;
  lease.started = run.started;
  lease.wal = wal;
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(run.cluster()));
  const Timestamp stamp =
      repository::SortingAfter(run.started, ids.empty() ? std::string_view() : ids.back());
  const repository::ClusterNames names = run.cluster().names;
  BackupBase base;
  auto begin_as = [&](const std::string& id) -> Status {
    lease.run_id = run.backup_id = id;
    StoreThrough(run);
    if (!wanted) return repository::WriteLease(run.cluster(), lease);
    ASSIGN_OR_RETURN(base, ClaimBase(run.cluster(), *wanted, lease));
    return {};
  };
  RETURN_IF_ERROR(TakeBackupId(
      *run.opened.storage, names, [&] { return repository::NewBackupId(stamp); }, begin_as));
  if (wanted && !base.manifest) {
    LogInfo(
        "there is no earlier backup of {} to compare with: this one is full",
        wanted->database.empty() ? "this PostgreSQL cluster" : "the database " + wanted->database);
  }
  RETURN_IF_ERROR(RefuseBesideAnother(run));
  return base;
}

Status ForgetDamagedPacks(const BackupRun& run, BackupBase& base) {
  ASSIGN_OR_RETURN(std::vector<crypto::Sha256Digest> damaged,
                   repository::ListDamagedPacks(run.cluster().storage, run.cluster().names));
  base.map.MarkLost(damaged);
  return {};
}

void RemoveStaleTemporaries(const config::Settings& settings) {
  // No put takes that long: what another host is writing now is safe.
  constexpr std::chrono::hours kAge{24};
  Result<std::unique_ptr<storage::LocalStorage>> local =
      storage::LocalStorage::Open(settings.storage.local_path);
  Result<uint64_t> removed =
      local.ok() ? (*local)->RemoveStaleTemporaries(kAge) : Result<uint64_t>(local.error());
  if (!removed.ok()) {
    LogWarning("{}", removed.error().message);
  } else if (*removed > 0) {
    LogInfo("removed {} temporary files of runs that died from the repository", *removed);
  }
}

Status NamePredecessor(const repository::ClusterAccess& cluster, format::Manifest& manifest) {
  ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster));
  if (ids.empty()) return {};
  Result<repository::StoredManifest> last = repository::ReadManifest(cluster, ids.back());
  if (!last.ok()) {
    // A damaged predecessor must not keep the next backup from being made.
    LogWarning("{}", last.error().message);
    return {};
  }
  manifest.mutable_predecessor()->set_backup_id(ids.back());
  manifest.mutable_predecessor()->set_manifest_sha256(ToString(last->sha256.bytes));
  return {};
}

}  // namespace pgcairn::commands
