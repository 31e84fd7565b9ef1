#include "commands/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "commands/open_cluster.h"
#include "commands/prune_guard.h"
#include "commands/retention_facts.h"
#include "commands/safe_deletion.h"
#include "repository/history_store.h"
#include "repository/manifest/manifest_store.h"
#include "repository/notes/note_store.h"
#include "repository/wal_store/wal_store.h"

namespace pgcairn::commands {
namespace {

using AllNotes = std::map<std::string, repository::BackupNotes>;

// What stands beside a decision; the first time it is made, it becomes the report.
struct Decision {
  RetentionPlan plan;
  std::vector<WalReport> wal;  // the plan's, with names
  Deletable deletable;
};

WalReport WithNames(const WalVerdict& verdict, uint64_t segment_bytes) {
  postgres::TimelineId timeline = verdict.range.timeline;
  return {verdict, postgres::WalSegmentName({timeline, verdict.range.first}, segment_bytes),
          postgres::WalSegmentName({timeline, verdict.range.last}, segment_bytes)};
}

Status RequireUnpinned(const std::string& id, const repository::BackupNotes& notes) {
  if (!notes.unreadable.empty()) {
    return Error{Code::kRefused,
                 fmt::format("whether the backup {} is pinned is not known: {}", id,
                             notes.unreadable.front()),
                 "when nobody wants that backup to be kept, remove that note from the storage"};
  }
  if (!notes.pinned) return {};
  return Error{Code::kRefused, fmt::format("the backup {} is pinned", id),
               fmt::format("unpin it first: pgcairn pin {} --remove", id)};
}

class Pruning {
 public:
  Pruning(const config::Settings& settings, const repository::ClusterAccess& cluster,
          const PruneOptions& options)
      : settings_(settings), cluster_(cluster), options_(options) {
    report_.cluster = settings.cluster.name;
    report_.dry_run = options.dry_run;
  }

  Result<PruneReport> Run(const std::function<void()>& wait_grace) {
    const double began = MonotonicSeconds();
    RETURN_IF_ERROR(ResolveNamed());
    DeletionOptions deletion;
    deletion.dry_run = options_.dry_run;
    deletion.expiry_s = settings_.prune.lease_expiry;
    deletion.named = named_;
    deletion.wait_grace = wait_grace;
    bool first = true;
    Decide decide = [&](const Situation& situation) -> Result<Deletable> {
      ASSIGN_OR_RETURN(Decision decision, DecideNow(situation));
      if (std::exchange(first, false)) Explain(decision);
      return std::move(decision.deletable);
    };
    ASSIGN_OR_RETURN(DeletionOutcome outcome, DeleteSafely(cluster_, decide, deletion));
    Summarise(outcome);
    report_.seconds = MonotonicSeconds() - began;
    return std::move(report_);
  }

 private:
  Status ResolveNamed() {
    if (options_.backups.empty()) return {};
    ASSIGN_OR_RETURN(std::vector<std::string> ids, repository::ListBackupIds(cluster_));
    for (const std::string& text : options_.backups) {
      ASSIGN_OR_RETURN(std::string id, repository::ResolveBackupId(ids, text));
      named_.push_back(std::move(id));
    }
    std::ranges::sort(named_);
    named_.erase(std::unique(named_.begin(), named_.end()), named_.end());
    return {};
  }

  // In a dry run it is said, and all else is explained too.
  Status RefuseUnlessDry(const Status& status) {
    if (status.ok() || !options_.dry_run) return status;
    report_.refusals.push_back(status.error().message);
    return {};
  }

  Result<Decision> DecideNow(const Situation& situation) {
    ASSIGN_OR_RETURN(AllNotes notes, repository::ReadAllNotes(cluster_));
    std::vector<BackupFacts> backups = GatherFacts(situation, notes);
    ASSIGN_OR_RETURN(Decision decision,
                     named_.empty() ? ByRetention(situation, backups) : ByName(situation, notes));
    const std::vector<std::string>& going = decision.deletable.backup_ids;
    std::vector<BackupFacts> certain = backups;
    std::erase_if(certain, [&](const BackupFacts& backup) {
      return situation.as_good_as_gone.contains(backup.id);
    });
    RETURN_IF_ERROR(RefuseUnlessDry(GuardLastGood(certain, going)));
    RETURN_IF_ERROR(
        RefuseUnlessDry(GuardShare(backups, situation.inventory.backups.ids.size(), going,
                                   options_.max_share.value_or(settings_.prune.max_share))));
    // One that is named may have been made by a clock that was ahead.
    std::erase_if(backups, [&](const BackupFacts& backup) {
      return std::ranges::binary_search(named_, backup.id);
    });
    RETURN_IF_ERROR(RefuseUnlessDry(GuardClocks(backups, Timestamp::Now(), situation.now)));
    return decision;
  }

  std::vector<BackupFacts> GatherFacts(const Situation& situation, AllNotes& notes) const {
    const auto bases = situation.runs.Bases();
    std::vector<BackupFacts> backups;
    for (const auto& [id, manifest] : situation.backups) {
      BackupFacts facts = FactsOf(manifest, notes[id]);
      if (NeedsAny(manifest, situation.inventory.damaged)) facts.good = false;
      auto base = bases.find(id);
      if (base != bases.end()) {
        for (const std::string& run : base->second) facts.holds.push_back("used by " + run);
      }
      backups.push_back(std::move(facts));
    }
    return backups;
  }

  // Also when it cannot be told: a backup whose list cannot be read restores nothing.
  bool NeedsAny(const format::Manifest& manifest,
                const std::vector<crypto::Sha256Digest>& damaged) const {
    if (damaged.empty()) return false;
    Result<std::vector<repository::StoredPack>> packs =
        repository::ReadReferences(cluster_, manifest);
    return !packs.ok() || std::ranges::any_of(*packs, [&](const repository::StoredPack& pack) {
      return std::ranges::binary_search(damaged, pack.sha256);
    });
  }

  Result<Decision> ByRetention(const Situation& situation,
                               const std::vector<BackupFacts>& backups) {
    ASSIGN_OR_RETURN(std::vector<format::ClusterHistory> systems,
                     repository::ListHistory(cluster_));
    std::deque<repository::WalStore> stores;  // what was read refers to them
    std::vector<ArchivedWal> archives;
    std::map<uint64_t, uint64_t> segment_bytes;
    for (const format::ClusterHistory& system : systems) {
      stores.emplace_back(cluster_, system.system_identifier());
      ASSIGN_OR_RETURN(ArchivedWal archive,
                       ReadArchivedWal(stores.back(), system.wal_segment_size()));
      archives.push_back(std::move(archive));
      segment_bytes[system.system_identifier()] = system.wal_segment_size();
    }
    Decision decision;
    decision.plan = PlanRetention(backups, settings_, archives);
    for (const BackupVerdict& verdict : decision.plan.backups) {
      if (!verdict.keep) decision.deletable.backup_ids.push_back(verdict.id);
    }
    for (const WalVerdict& verdict : decision.plan.wal) {
      decision.wal.push_back(WithNames(verdict, segment_bytes.at(verdict.range.system.value)));
    }
    RetentionPlan counted = decision.plan;
    if (!situation.as_good_as_gone.empty()) {
      // What another prune may delete at any time keeps nothing else from being kept.
      std::vector<BackupFacts> certain = backups;
      std::erase_if(certain, [&](const BackupFacts& backup) {
        return situation.as_good_as_gone.contains(backup.id);
      });
      counted = PlanRetention(certain, settings_, archives);
      for (const BackupVerdict& verdict : counted.backups) {
        if (verdict.keep) std::erase(decision.deletable.backup_ids, verdict.id);
      }
    }
    for (const ArchivedFile& file : situation.inventory.wal) {
      auto bytes = segment_bytes.find(file.system_identifier);
      if (bytes == segment_bytes.end()) continue;
      auto segment = postgres::ParseWalSegmentName(file.file.substr(0, 24), bytes->second);
      postgres::SystemIdentifier system{file.system_identifier};
      if (segment && decision.plan.MayGo(system, *segment) && counted.MayGo(system, *segment)) {
        decision.deletable.wal_objects.push_back(file.object);
      }
    }
    return decision;
  }

  // By the notes alone: what is pinned may have a manifest that cannot be read.
  Result<Decision> ByName(const Situation& situation, AllNotes& notes) {
    Decision decision;
    for (const std::string& id : situation.inventory.backups.ids) {
      if (std::ranges::binary_search(named_, id)) {
        RETURN_IF_ERROR(RefuseUnlessDry(RequireUnpinned(id, notes[id])));
        decision.deletable.backup_ids.push_back(id);
        decision.plan.backups.push_back({id, false, {"it is named"}});
      } else {
        decision.plan.backups.push_back({id, true, {"it is not named"}});
      }
    }
    return decision;
  }

  void Explain(Decision& decision) {
    report_.reference_id = std::move(decision.plan.reference_id);
    report_.reference_time = decision.plan.reference_time;
    report_.window_from = decision.plan.window_from;
    report_.backups = std::move(decision.plan.backups);
    report_.wal = std::move(decision.wal);
    report_.remarks = std::move(decision.plan.remarks);
  }

  void Summarise(const DeletionOutcome& outcome) {
    report_.prune_id = outcome.prune_id;
    for (BackupVerdict& verdict : report_.backups) {
      if (verdict.keep || std::ranges::binary_search(outcome.backups, verdict.id)) continue;
      verdict.keep = true;
      auto why = outcome.spared_backups.find(verdict.id);
      verdict.reasons = why == outcome.spared_backups.end()
                            ? std::vector<std::string>{"another prune means to delete it"}
                            : why->second;
    }
    report_.packs = outcome.packs;
    report_.pack_bytes = outcome.pack_bytes;
    report_.orphan_packs = outcome.orphan_packs;
    report_.orphan_bytes = outcome.orphan_bytes;
    report_.orphans_left = outcome.orphans_left;
    report_.wal_files = outcome.wal_files.size();
    report_.wal_bytes = outcome.wal_bytes;
    report_.spared_wal_files = outcome.spared_wal_files;
    report_.given_up = outcome.given_up;
    for (const std::string& remark : outcome.remarks) report_.remarks.push_back(remark);
  }

  const config::Settings& settings_;
  const repository::ClusterAccess& cluster_;
  const PruneOptions& options_;
  std::vector<std::string> named_;  // rising
  PruneReport report_;
};

}  // namespace

Result<PruneReport> Prune(const config::Settings& settings, const PruneOptions& options) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  return Pruning(settings, *opened.cluster, options).Run([&settings] {
    std::this_thread::sleep_for(std::chrono::seconds(settings.prune.grace));
  });
}

Result<PruneReport> PruneCluster(const config::Settings& settings,
                                 const repository::ClusterAccess& cluster,
                                 const PruneOptions& options) {
  return Pruning(settings, cluster, options).Run([] {});
}

}  // namespace pgcairn::commands
