#include "commands/safe_deletion.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "commands/pack_selection.h"
#include "commands/wal_sparing.h"
#include "repository/history_store.h"
#include "repository/lease/tombstone.h"
#include "repository/names.h"
#include "repository/notes/note_store.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

using repository::StoredPack;

std::vector<std::string> InBoth(const std::vector<std::string>& a, std::vector<std::string> b) {
  std::ranges::sort(b);
  std::vector<std::string> both;
  std::ranges::copy_if(a, std::back_inserter(both),
                       [&](const auto& name) { return std::ranges::binary_search(b, name); });
  return both;
}

void WarnIfFailed(const Status& status) {
  if (!status.ok()) LogWarning("{}", status.error().message);
}

class Deletion {
 public:
  Deletion(const repository::ClusterAccess& cluster, const Decide& decide,
           const DeletionOptions& options)
      : cluster_(cluster), decide_(decide), options_(options) {}
  Deletion(const Deletion&) = delete;
  Deletion& operator=(const Deletion&) = delete;

  // Without trash nothing is deleted any more. A request that failed may yet be carried out: then
  // the trash stays, for the next prune to remove when this process has ended.
  ~Deletion() {
    if (announced_ && !deleting_) WarnIfFailed(repository::RemoveTrash(cluster_, id_));
    if (leased_) WarnIfFailed(repository::RemoveLease(cluster_, id_));
  }

  Result<DeletionOutcome> Run() {
    RETURN_IF_ERROR(Begin());
    RETURN_IF_ERROR(Plan());
    if (options_.dry_run) return std::move(outcome_);
    const repository::TrashList trash = ToTrash();
    if (!trash.empty()) {
      announced_ = true;
      RETURN_IF_ERROR(repository::PutTrash(cluster_, id_, started_, trash));
      options_.wait_grace();
    }
    RETURN_IF_ERROR(LookAgain());
    deleting_ = true;
    RETURN_IF_ERROR(DeleteBackups());
    RETURN_IF_ERROR(DeletePacks());
    RETURN_IF_ERROR(DeleteWal());
    deleting_ = false;
    RETURN_IF_ERROR(ClearAway());
    return std::move(outcome_);
  }

 private:
  Status Begin() {
    started_ = Timestamp::Now();
    now_ = started_;
    if (options_.dry_run) return {};
    repository::LeaseTerms terms;
    terms.kind = format::Lease::PRUNE;
    terms.started = started_;
    Status written;
    do {
      ASSIGN_OR_RETURN(terms.run_id, repository::NewBackupId(started_));
      written = repository::WriteLease(cluster_, terms);
      // Until no other run of this second has these four digits.
    } while (!written.ok() && written.code() == Code::kAlreadyExists);
    RETURN_IF_ERROR(written);
    leased_ = true;
    id_ = terms.run_id;
    outcome_.prune_id = id_;
    Result<storage::ObjectInfo> stored = cluster_.storage.Stat(cluster_.names.Lease(id_));
    if (!stored.ok() && stored.code() == Code::kNotFound) {
      return Error{Code::kRefused, "the lease of this prune is gone: another run gave up on it",
                   "run `pgcairn prune` again; if that happens often, prune.lease_expiry is too "
                   "short"};
    }
    ASSIGN_OR_RETURN(storage::ObjectInfo lease, std::move(stored));
    now_ = lease.stored_at;
    return {};
  }

  Result<Situation> Read(bool give_up) {
    SituationOptions options{id_, now_, options_.expiry_s, give_up};
    ASSIGN_OR_RETURN(Situation situation, ReadSituation(cluster_, options));
    RETURN_IF_ERROR(RequireReadable(situation, options_.named));
    return situation;
  }

  Status RefuseBesideAnother(const Runs& runs) {
    for (const repository::StoredLease& lease : runs.live) {
      if (lease.lease.kind() != format::Lease::PRUNE) continue;
      std::string message =
          fmt::format("another prune goes on: {}", repository::DescribeRun(lease.lease));
      if (!options_.dry_run) {
        return Error{Code::kRefused, message,
                     "wait until it has ended; one that was stopped for good is given up after "
                     "prune.lease_expiry"};
      }
      outcome_.remarks.push_back(message);
    }
    return {};
  }

  // Of what may go, what no live run uses.
  std::vector<std::string> WithoutBases(const std::vector<std::string>& ids, const Runs& runs) {
    const auto bases = runs.Bases();
    const repository::StoredLease* reader = runs.ReaderOfAll();
    std::vector<std::string> free;
    for (const std::string& id : ids) {
      auto base = bases.find(id);
      if (reader != nullptr) {
        outcome_.spared_backups[id] = {"read by " + repository::DescribeRun(reader->lease)};
      } else if (base != bases.end()) {
        for (const std::string& run : base->second) {
          outcome_.spared_backups[id].push_back("used by " + run);
        }
      } else {
        free.push_back(id);
      }
    }
    return free;
  }

  Status Plan() {
    ASSIGN_OR_RETURN(first_, Read(false));
    RETURN_IF_ERROR(RefuseBesideAnother(first_.runs));
    ASSIGN_OR_RETURN(Deletable deletable, decide_(first_));
    going_ = WithoutBases(deletable.backup_ids, first_.runs);
    for (const std::string& id : first_.inventory.backups.ids) {
      if (!std::ranges::binary_search(going_, id)) staying_.push_back(id);
    }
    ASSIGN_OR_RETURN(packs_, SelectPacks(cluster_, staying_, going_, options_.named));
    LeaveOrphans(first_.runs);
    wal_ = std::move(deletable.wal_objects);
    RETURN_IF_ERROR(SpareWal(first_));
    CountPlanned();
    return {};
  }

  // Packs that nothing refers to may be those of a backup that goes on, or will be gone on from.
  void LeaveOrphans(const Runs& runs) {
    if (!runs.BackupsGoOn() && runs.ReaderOfAll() == nullptr) return;
    outcome_.orphans_left += packs_.orphans.size();
    packs_.orphans.clear();
  }

  Status SpareWal(const Situation& situation) {
    std::map<uint64_t, uint64_t> segment_bytes;
    ASSIGN_OR_RETURN(std::vector<format::ClusterHistory> systems,
                     repository::ListHistory(cluster_));
    for (const format::ClusterHistory& system : systems) {
      segment_bytes[system.system_identifier()] = system.wal_segment_size();
    }
    WalSparing sparing(std::move(segment_bytes));
    SpareForRuns(situation, sparing);
    for (const auto& [id, manifest] : situation.backups) {
      if (std::ranges::binary_search(going_, id)) continue;
      sparing.SpareNeedsOf(manifest);
      // What was planned without it did not count on it.
      if (!first_.backups.contains(id)) sparing.SpareFromStartOf(manifest);
    }
    std::map<std::string, const ArchivedFile*> files;
    for (const ArchivedFile& file : situation.inventory.wal) files[file.object] = &file;
    size_t before = wal_.size();
    outcome_.wal_bytes = 0;
    std::erase_if(wal_, [&](const std::string& object) {
      auto file = files.find(object);
      if (file == files.end() || sparing.Spares(*file->second)) return true;
      outcome_.wal_bytes += file->second->size_bytes;
      return false;
    });
    outcome_.spared_wal_files += before - wal_.size();
    return {};
  }

  void CountPlanned() {
    outcome_.backups = going_;
    outcome_.wal_files = wal_;
    outcome_.packs = packs_.released.size();
    outcome_.orphan_packs = packs_.orphans.size();
    outcome_.pack_bytes = 0;
    outcome_.orphan_bytes = 0;
    for (const StoredPack& pack : packs_.released) outcome_.pack_bytes += pack.length;
    for (const StoredPack& pack : packs_.orphans) outcome_.orphan_bytes += pack.length;
  }

  repository::TrashList ToTrash() const {
    repository::TrashList trash{going_, {}, wal_};
    trash.packs.reserve(packs_.released.size() + packs_.orphans.size());
    for (const auto* packs : {&packs_.released, &packs_.orphans}) {
      for (const StoredPack& pack : *packs) trash.packs.push_back(pack.sha256);
    }
    std::ranges::sort(trash.packs);
    return trash;
  }

  // From here on every run either has its lease where this reads it, or reads the trash after this
  // wrote it.
  Status LookAgain() {
    ASSIGN_OR_RETURN(now_situation_, Read(true));
    const Runs& runs = now_situation_.runs;
    ASSIGN_OR_RETURN(Deletable deletable, decide_(now_situation_));
    for (const std::string& id : going_) {
      if (!std::ranges::binary_search(deletable.backup_ids, id)) {
        outcome_.spared_backups[id] = {"it may not go any more"};
      }
    }
    going_ = WithoutBases(InBoth(going_, deletable.backup_ids), runs);
    for (const std::string& id : now_situation_.inventory.backups.ids) {
      bool stays = !std::ranges::binary_search(going_, id);
      if (stays && !std::ranges::binary_search(staying_, id)) {
        RETURN_IF_ERROR(packs_.Spare(cluster_, id));
      }
    }
    LeaveOrphans(runs);
    wal_ = InBoth(wal_, std::move(deletable.wal_objects));
    RETURN_IF_ERROR(SpareWal(now_situation_));
    CountPlanned();
    return {};
  }

  Status Delete(const std::string& name) {
    return cluster_.storage.Delete(name).Context("deleting " + name);
  }

  // Before the first of them goes: who misses a backup must find that it was meant to go.
  Status RecordDeletion() {
    if (going_.empty() && wal_.empty()) return {};
    format::Deletion record;
    record.set_prune_id(id_);
    for (const std::string& id : going_) record.add_backup_ids(id);
    const std::set<std::string> deleted(wal_.begin(), wal_.end());
    format::DeletedSegments* run = nullptr;
    for (const ArchivedFile& file : now_situation_.inventory.wal) {
      if (!deleted.contains(file.object)) {
        run = nullptr;
        continue;
      }
      std::string segment = file.file.substr(0, 24);
      bool goes_on = run != nullptr && run->system_identifier() == file.system_identifier &&
                     run->last().substr(0, 8) == segment.substr(0, 8);
      if (!goes_on) {
        run = record.add_wal();
        run->set_system_identifier(file.system_identifier);
        run->set_first(segment);
      }
      run->set_last(segment);
    }
    return repository::PutDeletion(cluster_, std::move(record));
  }

  Status DeleteBackups() {
    RETURN_IF_ERROR(RecordDeletion());
    // Manifests first: what is left of a backup after a crash is no backup.
    for (const std::string& id : going_) RETURN_IF_ERROR(Delete(cluster_.names.Manifest(id)));
    for (const std::string& id : going_) {
      RETURN_IF_ERROR(Delete(cluster_.names.References(id)));
      RETURN_IF_ERROR(repository::DeleteNotes(cluster_, id));
    }
    return DeleteLeftovers();
  }

  // What runs that are over left beside their packs: before those, so that nobody goes on from a
  // checkpoint whose packs are gone.
  Status DeleteLeftovers() {
    const Runs& runs = now_situation_.runs;
    for (const std::string& id : runs.left_checkpoints) {
      for (const std::string& object : now_situation_.inventory.checkpoints.at(id).objects) {
        RETURN_IF_ERROR(Delete(object));
      }
    }
    const std::vector<std::string>& there = now_situation_.inventory.backups.ids;
    for (const std::string& id : first_.inventory.backups.lists) {
      // One that was there at the first look had its lease then, unless it was over.
      bool needed =
          std::ranges::binary_search(there, id) || runs.IsLive(id) || runs.IsResumable(id);
      if (!needed) RETURN_IF_ERROR(Delete(cluster_.names.References(id)));
    }
    return {};
  }

  Status DeletePacks() {
    for (const auto* packs : {&packs_.released, &packs_.orphans}) {
      for (const StoredPack& pack : *packs) {
        RETURN_IF_ERROR(Delete(cluster_.names.Pack(pack.sha256)));
      }
    }
    for (const crypto::Sha256Digest& sha256 : now_situation_.inventory.damaged) {
      if (packs_.IsKept(sha256)) continue;
      Status pack = cluster_.storage.Stat(cluster_.names.Pack(sha256)).status();
      if (pack.ok() || pack.code() != Code::kNotFound) continue;
      RETURN_IF_ERROR(Delete(cluster_.names.Root() + "/damaged/" + sha256.ToHex()));
    }
    return {};
  }

  Status DeleteWal() {
    for (const std::string& object : wal_) RETURN_IF_ERROR(Delete(object));
    return {};
  }

  Status ClearAway() {
    const Runs& runs = now_situation_.runs;
    for (const repository::StoredLease& lease : runs.over) {
      const std::string& id = lease.lease.backup_id();
      if (runs.IsResumable(id)) continue;
      outcome_.given_up.push_back(repository::DescribeRun(lease.lease));
      RETURN_IF_ERROR(repository::RemoveLease(cluster_, id));
    }
    for (const std::string& id : now_situation_.dead_trash) {
      RETURN_IF_ERROR(repository::RemoveTrash(cluster_, id));
    }
    for (const repository::StoredTrash& trash : now_situation_.others_trash) {
      if (IsSpent(trash)) {
        RETURN_IF_ERROR(repository::RemoveTrash(cluster_, trash.prune_id));
        continue;
      }
      outcome_.remarks.push_back(fmt::format(
          "the prune {} (process {} on {}, since {}) has not ended: what it announced may go at "
          "any time, and no backup uses it any more",
          trash.prune_id, trash.process.process_id(), trash.process.host(),
          trash.started.ToText()));
    }
    return {};
  }

  // Nothing that is listed exists any more, nor will again: whoever wrote it can wake up at any
  // time.
  bool IsSpent(const repository::StoredTrash& trash) const {
    if (outcome_.orphans_left > 0) return false;
    const std::vector<std::string>& there = now_situation_.inventory.backups.ids;
    auto is_left = [&](const std::string& id) {
      return std::ranges::binary_search(there, id) && !std::ranges::binary_search(going_, id);
    };
    if (std::ranges::any_of(trash.list.backup_ids, is_left)) return false;
    auto is_kept = [&](const crypto::Sha256Digest& pack) { return packs_.IsKept(pack); };
    if (std::ranges::any_of(trash.list.packs, is_kept)) return false;
    std::set<std::string> wal;
    for (const ArchivedFile& file : now_situation_.inventory.wal) wal.insert(file.object);
    for (const std::string& object : wal_) wal.erase(object);
    return std::ranges::none_of(trash.list.wal_objects,
                                [&](const std::string& object) { return wal.contains(object); });
  }

  const repository::ClusterAccess& cluster_;
  const Decide& decide_;
  const DeletionOptions& options_;
  DeletionOutcome outcome_;

  std::string id_;
  Timestamp started_;
  Timestamp now_;  // by the storage's clock
  bool leased_ = false;
  bool announced_ = false;
  bool deleting_ = false;

  Situation first_;
  Situation now_situation_;
  std::vector<std::string> going_;    // rising
  std::vector<std::string> staying_;  // rising: whose packs were counted as needed
  std::vector<std::string> wal_;      // in the order of deletion
  PackSelection packs_;
};

}  // namespace

Result<DeletionOutcome> DeleteSafely(const repository::ClusterAccess& cluster, const Decide& decide,
                                     const DeletionOptions& options) {
  return Deletion(cluster, decide, options).Run();
}

}  // namespace pgcairn::commands
