#include "commands/resumed_run.h"

#include <algorithm>
#include <utility>

#include "repository/checkpoint/checkpoint_store.h"
#include "repository/lease/lease.h"
#include "repository/lease/tombstone.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using format::Checkpoint;

// Its process has ended, as far as can be told. One of another host keeps its lease until prune
// gives up on it.
Result<bool> HasEnded(const repository::ClusterAccess& cluster, const std::string& run_id) {
  ASSIGN_OR_RETURN(std::vector<repository::StoredLease> leases, repository::ListLeases(cluster));
  return std::ranges::all_of(leases, [&](const repository::StoredLease& lease) {
    return lease.lease.backup_id() != run_id || repository::IsProvenDead(lease.lease);
  });
}

bool Fits(const std::vector<Checkpoint>& checkpoints, const ResumeTerms& terms,
          const BackupBase& base) {
  if (checkpoints.empty()) return false;
  return std::ranges::all_of(checkpoints, [&](const Checkpoint& checkpoint) {
    if (checkpoint.system_identifier() != terms.system_identifier) return false;
    // A full backup refers to no pack of others, whatever the leaves say: see KeepOnly.
    if (!base.manifest) return true;
    return !checkpoint.has_base_backup_id() ||
           checkpoint.base_backup_id() == base.manifest->backup_id();
  });
}

Status TakeOver(const ResumeTerms& terms, std::vector<Checkpoint>& checkpoints, BackupBase& base,
                ResumedRun& resumed) {
  for (Checkpoint& checkpoint : checkpoints) {
    RETURN_IF_ERROR(base.map.AddCheckpoint(checkpoint));
    for (const format::PackNeed& pack : checkpoint.new_packs()) {
      crypto::Sha256Digest sha256;
      if (pack.sha256().size() != sha256.bytes.size()) {
        return Error{Code::kDamaged, "a checkpoint names a pack without a hash", ""};
      }
      std::ranges::copy(AsBytes(pack.sha256()), sha256.bytes.begin());
      resumed.packs.push_back(sha256);
    }
    checkpoint.set_backup_id(terms.run_id);
    RETURN_IF_ERROR(repository::PutCheckpoint(terms.cluster, resumed.checkpoints++, checkpoint));
  }
  return {};
}

Result<std::optional<ResumedRun>> TryResume(const ResumeTerms& terms, const std::string& run_id,
                                            BackupBase& base) {
  ASSIGN_OR_RETURN(std::vector<Checkpoint> checkpoints,
                   repository::ReadCheckpoints(terms.cluster, run_id));
  ASSIGN_OR_RETURN(bool ended, HasEnded(terms.cluster, run_id));
  if (!ended || !Fits(checkpoints, terms, base)) return std::optional<ResumedRun>();
  ASSIGN_OR_RETURN(repository::GivenUp given_up,
                   repository::GiveUp(terms.cluster, run_id,
                                      "the backup " + terms.run_id + " goes on from there"));
  // Whoever else gave up on it may be deleting what it stored.
  if (given_up != repository::GivenUp::kNow) return std::optional<ResumedRun>();
  ResumedRun resumed;
  resumed.run_id = run_id;
  RETURN_IF_ERROR(TakeOver(terms, checkpoints, base, resumed));
  RETURN_IF_ERROR(repository::RemoveCheckpoints(terms.cluster, run_id));
  RETURN_IF_ERROR(repository::RemoveLease(terms.cluster, run_id));
  if (!base.manifest) base.map.KeepOnly(resumed.packs);
  return std::optional<ResumedRun>(std::move(resumed));
}

}  // namespace

Result<std::optional<ResumedRun>> ResumeEarlierRun(const ResumeTerms& terms, BackupBase& base) {
  ASSIGN_OR_RETURN(std::vector<std::string> runs, repository::ListCheckpointedRuns(terms.cluster));
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (*run == terms.run_id) continue;
    Result<std::optional<ResumedRun>> resumed = TryResume(terms, *run, base);
    if (!resumed.ok()) {
      if (resumed.code() != Code::kDamaged) return resumed.error();
      LogWarning("what the backup {} had stored cannot be gone on from: {}", *run,
                 resumed.error().message);
    } else if (*resumed) {
      return resumed;
    }
  }
  return std::optional<ResumedRun>();
}

}  // namespace pgcairn::commands
