#include "commands/resumed_run.h"

#include <algorithm>
#include <map>
#include <utility>

#include "repository/checkpoint/checkpoint_store.h"
#include "repository/lease/lease.h"
#include "repository/lease/tombstone.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using format::Checkpoint;

void WarnOf(const std::string& run_id, const std::string& problem) {
  LogWarning("not all that the backup {} had stored can be gone on from: {}", run_id, problem);
}

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

// Which of the packs that checkpoints name can be used. Asked when nobody deletes them any more:
// the earlier run is given up by this one, whose lease is written.
class UsablePacks {
 public:
  explicit UsablePacks(const ResumeTerms& terms) : terms_(terms) {}

  // Errors are those of asking the storage.
  Result<bool> Has(const std::string& sha256) {
    crypto::Sha256Digest pack;
    if (sha256.size() != pack.bytes.size()) return false;
    std::ranges::copy(AsBytes(sha256), pack.bytes.begin());
    auto known = known_.find(pack);
    if (known != known_.end()) return known->second;
    ASSIGN_OR_RETURN(bool usable, Ask(pack));
    if (!usable) lost_.push_back(pack);
    known_[pack] = usable;
    return usable;
  }

  Result<bool> HasAllOf(const format::CheckpointLeaf& leaf) {
    ASSIGN_OR_RETURN(bool usable, Has(leaf.leaf().pack().sha256()));
    if (usable && leaf.has_base_pack()) {
      ASSIGN_OR_RETURN(usable, Has(leaf.base_pack().sha256()));
    }
    for (const format::PackNeed& need : leaf.needs()) {
      if (!usable) break;
      ASSIGN_OR_RETURN(usable, Has(need.sha256()));
    }
    return usable;
  }

  const std::vector<crypto::Sha256Digest>& lost() const { return lost_; }

 private:
  Result<bool> Ask(const crypto::Sha256Digest& pack) const {
    if (terms_.trashed.HasPack(pack)) return false;
    Status there = terms_.cluster.storage.Stat(terms_.cluster.names.Pack(pack)).status();
    if (!there.ok() && there.code() != Code::kNotFound) {
      return std::move(there).Context("looking for what an interrupted backup stored").error();
    }
    return there.ok();
  }

  const ResumeTerms& terms_;
  std::map<crypto::Sha256Digest, bool> known_;
  std::vector<crypto::Sha256Digest> lost_;
};

// Under the new run's id, without what cannot be used.
Result<Checkpoint> Renewed(const Checkpoint& checkpoint, const ResumeTerms& terms,
                           UsablePacks& packs) {
  Checkpoint renewed;
  renewed.set_backup_id(terms.run_id);
  renewed.set_system_identifier(checkpoint.system_identifier());
  if (checkpoint.has_base_backup_id()) renewed.set_base_backup_id(checkpoint.base_backup_id());
  for (const format::PackNeed& pack : checkpoint.new_packs()) {
    ASSIGN_OR_RETURN(bool usable, packs.Has(pack.sha256()));
    if (usable) *renewed.add_new_packs() = pack;
  }
  for (const format::CheckpointLeaf& leaf : checkpoint.leaves()) {
    ASSIGN_OR_RETURN(bool usable, packs.HasAllOf(leaf));
    if (usable) *renewed.add_leaves() = leaf;
  }
  return renewed;
}

Status TakeOver(const ResumeTerms& terms, const std::vector<Checkpoint>& checkpoints,
                BackupBase& base, ResumedRun& resumed) {
  UsablePacks packs(terms);
  for (const Checkpoint& checkpoint : checkpoints) {
    ASSIGN_OR_RETURN(Checkpoint renewed, Renewed(checkpoint, terms, packs));
    Status added = base.map.AddCheckpoint(renewed);
    if (!added.ok()) {
      WarnOf(resumed.run_id, added.error().message);
      continue;
    }
    for (const format::PackNeed& pack : renewed.new_packs()) {
      std::ranges::copy(AsBytes(pack.sha256()), resumed.packs.emplace_back().bytes.begin());
    }
    RETURN_IF_ERROR(repository::PutCheckpoint(terms.cluster, resumed.checkpoints++, renewed));
  }
  base.map.MarkLost(packs.lost());
  return {};
}

Result<std::optional<ResumedRun>> TryResume(const ResumeTerms& terms, const std::string& run_id,
                                            BackupBase& base) {
  // First: what is read afterwards is all that there will be.
  ASSIGN_OR_RETURN(bool ended, HasEnded(terms.cluster, run_id));
  if (!ended) return std::optional<ResumedRun>();
  ASSIGN_OR_RETURN(repository::RunCheckpoints checkpoints,
                   repository::ReadCheckpoints(terms.cluster, run_id));
  for (const std::string& message : checkpoints.unreadable) WarnOf(run_id, message);
  if (!Fits(checkpoints.readable, terms, base)) return std::optional<ResumedRun>();
  Result<repository::GivenUp> given_up = repository::GiveUp(
      terms.cluster, run_id, "the backup " + terms.run_id + " goes on from there");
  if (!given_up.ok() && given_up.code() == Code::kDamaged) {
    WarnOf(run_id, given_up.error().message);
    return std::optional<ResumedRun>();
  }
  RETURN_IF_ERROR(given_up);
  // Whoever else gave up on it may be deleting what it stored.
  if (*given_up != repository::GivenUp::kNow) return std::optional<ResumedRun>();
  ResumedRun resumed;
  resumed.run_id = run_id;
  RETURN_IF_ERROR(TakeOver(terms, checkpoints.readable, base, resumed));
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
    ASSIGN_OR_RETURN(std::optional<ResumedRun> resumed, TryResume(terms, *run, base));
    if (resumed) return resumed;
  }
  return std::optional<ResumedRun>();
}

}  // namespace pgcairn::commands
