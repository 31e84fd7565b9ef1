#include "commands/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "commands/promised_window.h"
#include "commands/retention_rules.h"
#include "commands/retention_wal.h"

namespace pgcairn::commands {
namespace {

using Backups = std::vector<const BackupFacts*>;

constexpr int64_t kRetentionDayUs = int64_t{86'400} * 1'000'000;

// The newest by the time when it stopped, and by its id, which rises with every run whatever the
// clocks say: they differ only when a clock jumped, and then both count.
std::set<const BackupFacts*> NewestOf(const Backups& backups) {
  if (backups.empty()) return {};
  auto by_id = [](const BackupFacts* a, const BackupFacts* b) { return a->id < b->id; };
  return {*std::max_element(backups.begin(), backups.end(), StoppedBefore),
          *std::max_element(backups.begin(), backups.end(), by_id)};
}

template <typename Predicate>
Backups Those(const Backups& backups, Predicate wanted) {
  Backups found;
  std::copy_if(backups.begin(), backups.end(), std::back_inserter(found), wanted);
  return found;
}

bool IsGood(const BackupFacts* backup) { return backup->good; }

// The newest verified good backup, else the newest good one; nothing without a good one.
const BackupFacts* ReferenceOf(const Backups& backups) {
  Backups good = Those(backups, IsGood);
  Backups verified = Those(good, [](const BackupFacts* backup) { return backup->verified; });
  const Backups& choice = verified.empty() ? good : verified;
  if (choice.empty()) return nullptr;
  return *std::max_element(choice.begin(), choice.end(), StoppedBefore);
}

// Backups that can stand in for each other: all physical ones, or all of one database that have
// rows, or all of it that have none.
struct SeriesKey {
  std::optional<std::string> database;
  bool schema_only = false;

  auto operator<=>(const SeriesKey&) const = default;
};
SeriesKey KeyOf(const BackupFacts& backup) { return {backup.database, backup.schema_only}; }

struct Series {
  std::optional<std::string> database;
  bool schema_only = false;
  Backups backups;
  std::map<postgres::SystemIdentifier, Backups> by_system;
  const BackupFacts* reference = nullptr;  // from which ages count back

  bool is_physical() const { return !database.has_value(); }
};

std::string OfDatabase(const Series& series) {
  if (series.is_physical()) return "";
  return fmt::format(" of {}the database {}", series.schema_only ? "the definitions of " : "",
                     *series.database);
}

std::string NoGoodBackup(const Series& series) {
  return series.is_physical()
             ? "there is no good physical backup yet, and so none of them goes, nor any WAL"
             : fmt::format("there is no good backup{} yet, and so none of them goes",
                           OfDatabase(series));
}

std::string NewestGoodBackup(const Series& series) {
  return "the newest good backup" + OfDatabase(series);
}

std::string WhatReferenceIs(const Series& series) {
  return series.reference->verified ? "the newest verified backup" + OfDatabase(series)
                                    : NewestGoodBackup(series);
}

// Whether the cluster went on under another system identifier, as after pg_upgrade, and has what
// ages count from there. Until then the backups that it has are the last ones.
bool IsSucceeded(const Backups& of_system, const Series& series) {
  if (series.reference->system == of_system.front()->system) return false;
  Backups good = Those(of_system, IsGood);
  for (const BackupFacts* newest : NewestOf(good.empty() ? of_system : good)) {
    if (!StoppedBefore(newest, series.reference)) return false;
  }
  return true;
}

int64_t WalDays(const config::Settings& settings) {
  return std::max(settings.retention.wal_files, settings.policies.wal_files.keep_days);
}

std::string_view WalKey(const config::Settings& settings) {
  return settings.retention.wal_files >= settings.policies.wal_files.keep_days
             ? "retention.wal_files"
             : "policies.wal_files.keep_days";
}

std::string AgeText(int64_t us) {
  int64_t hours = us / (kRetentionDayUs / 24);
  return hours < 48 ? fmt::format("{} hours", hours) : fmt::format("{} days", hours / 24);
}

// Decides on the backups and the WAL of all PostgreSQL clusters together.
class RetentionPlanner {
 public:
  RetentionPlanner(const std::vector<BackupFacts>& facts, const config::Settings& settings,
                   const std::vector<ArchivedWal>& archives)
      : settings_(settings), physical_(series_[SeriesKey{}]) {
    for (const BackupFacts& backup : facts) {
      backups_.push_back(&backup);
      Series& series = series_[KeyOf(backup)];
      series.database = backup.database;
      series.schema_only = backup.schema_only;
      series.backups.push_back(&backup);
      series.by_system[backup.system].push_back(&backup);
    }
    for (const ArchivedWal& wal : archives) archives_[wal.system] = &wal;
    for (auto& [key, series] : series_) series.reference = ReferenceOf(series.backups);
  }

  RetentionPlan Plan() {
    KeepWhatIsAsked();
    for (const auto& [key, series] : series_) KeepOf(series);
    if (physical_.reference != nullptr) {
      const Timestamp reference = physical_.reference->stopped_at;
      plan_.reference_id = physical_.reference->id;
      plan_.reference_time = reference;
      plan_.window_from = Timestamp{reference.unix_us - WalDays(settings_) * kRetentionDayUs};
      KeepNewestWithWal();
      KeepWindows();
    }
    JudgeBackups();
    JudgeArchives();
    AddRemarks();
    return std::move(plan_);
  }

 private:
  void Keep(const BackupFacts& backup, std::string reason) {
    reasons_[backup.id].push_back(std::move(reason));
  }

  void KeepWhatIsAsked() {
    for (const BackupFacts* backup : backups_) {
      if (backup->pinned) Keep(*backup, "pinned");
      for (const std::string& hold : backup->holds) Keep(*backup, hold);
    }
  }

  void KeepOf(const Series& series) {
    if (series.reference == nullptr) {
      for (const BackupFacts* backup : series.backups) Keep(*backup, NoGoodBackup(series));
      return;
    }
    KeepNewest(series);
    KeepByAge(series.backups, settings_, series.reference->stopped_at, reasons_);
    KeepByPeriod(series.backups, settings_, series.reference->stopped_at, reasons_);
  }

  void KeepNewest(const Series& series) {
    const BackupFacts& reference = *series.reference;
    for (const BackupFacts* backup : series.backups) {
      if (backup == &reference || StoppedBefore(backup, &reference)) continue;
      Keep(*backup, fmt::format("newer than {}, {}", reference.id, WhatReferenceIs(series)));
    }
    for (const auto& [system, of_system] : series.by_system) {
      if (IsSucceeded(of_system, series)) continue;
      Backups good = Those(of_system, IsGood);
      for (const BackupFacts* backup : NewestOf(good)) Keep(*backup, NewestGoodBackup(series));
      if (good.empty()) {
        for (const BackupFacts* backup : of_system) Keep(*backup, NoGoodBackup(series));
      }
    }
    Keep(reference, WhatReferenceIs(series) + ", from which ages count back");
  }

  // The newest good backup is of no use when WAL that it needs is lost.
  void KeepNewestWithWal() {
    for (const auto& [system, of_system] : physical_.by_system) {
      auto wal = archives_.find(system);
      if (wal == archives_.end() || IsSucceeded(of_system, physical_)) continue;
      Backups good = Those(of_system, IsGood);
      Backups whole = Those(good, [&](const BackupFacts* backup) {
        return HasOwnWal(*backup, wal->second->archive);
      });
      std::set<const BackupFacts*> newest = NewestOf(good);
      for (const BackupFacts* backup : NewestOf(whole)) {
        if (newest.contains(backup)) continue;
        Keep(*backup, "the newest good backup whose WAL is all there");
      }
    }
  }

  void KeepWindows() {
    for (const auto& [system, wal] : archives_) {
      auto found = physical_.by_system.find(system);
      Backups of_system = found == physical_.by_system.end() ? Backups() : found->second;
      std::set<postgres::TimelineId> always;
      if (!of_system.empty() && !IsSucceeded(of_system, physical_)) {
        for (const BackupFacts* backup : NewestOf(Those(of_system, IsGood))) {
          always.insert(backup->timeline);
        }
      }
      PromisedWindow window = FindPromisedWindow(of_system, *wal, *plan_.window_from, always);
      for (const WindowBase& base : window.bases) Keep(*base.backup, PromiseOf(*base.backup));
      windows_[system] = std::move(window);
    }
  }

  std::string PromiseOf(const BackupFacts& base) const {
    Timestamp since = std::max(base.stopped_at, *plan_.window_from);
    return fmt::format("recovery to any moment since {} begins with it ({}: {} days)",
                       since.ToText(), WalKey(settings_), WalDays(settings_));
  }

  void JudgeBackups() {
    std::sort(backups_.begin(), backups_.end(),
              [](const BackupFacts* a, const BackupFacts* b) { return a->id < b->id; });
    for (const BackupFacts* backup : backups_) {
      auto kept = reasons_.find(backup->id);
      if (kept != reasons_.end()) {
        plan_.backups.push_back({backup->id, true, kept->second});
        continue;
      }
      const Series& series = series_.at(KeyOf(*backup));
      int64_t age_us = series.reference->stopped_at.unix_us - backup->stopped_at.unix_us;
      plan_.backups.push_back(
          {backup->id,
           false,
           {fmt::format("no rule keeps it: {} older than {}, {}", AgeText(age_us),
                        series.reference->id, WhatReferenceIs(series))}});
    }
  }

  void JudgeArchives() {
    for (const auto& [system, wal] : archives_) {
      std::vector<WalVerdict> verdicts = JudgeWal(
          *wal, WalKeeps(*wal),
          fmt::format("no kept backup needs it, and it lies before the recovery that {} promises "
                      "({} days)",
                      WalKey(settings_), WalDays(settings_)));
      std::move(verdicts.begin(), verdicts.end(), std::back_inserter(plan_.wal));
    }
  }

  std::vector<WalKeep> WalKeeps(const ArchivedWal& wal) const {
    std::vector<WalKeep> keeps;
    auto of_system = physical_.by_system.find(wal.system);
    bool has_backups = of_system != physical_.by_system.end();
    bool all_stay = physical_.reference == nullptr;
    if (has_backups && !all_stay) {
      all_stay =
          Those(of_system->second, IsGood).empty() && !IsSucceeded(of_system->second, physical_);
    }
    if (all_stay) {
      for (postgres::TimelineId timeline : wal.archive.Timelines()) {
        keeps.push_back({timeline, 0, std::nullopt, NoGoodBackup(physical_)});
      }
      return keeps;
    }
    AddWindowKeeps(windows_.at(wal.system), keeps);
    if (!has_backups) return keeps;
    for (const BackupFacts* backup : of_system->second) {
      if (!reasons_.contains(backup->id)) continue;
      WalRange own = OwnWal(*backup);
      keeps.push_back({own.timeline, own.first, own.last,
                       fmt::format("{} needs it to become consistent", backup->id)});
    }
    return keeps;
  }

  void AddWindowKeeps(const PromisedWindow& window, std::vector<WalKeep>& keeps) const {
    for (const WindowBase& base : window.bases) {
      Timestamp since = std::max(base.backup->stopped_at, *plan_.window_from);
      std::string reason = fmt::format("recovery from {} to any moment since {} reads it",
                                       base.backup->id, since.ToText());
      for (postgres::TimelineId timeline : base.timelines) {
        keeps.push_back({timeline, OwnWal(*base.backup).first, std::nullopt, reason});
      }
    }
    for (postgres::TimelineId timeline : window.without_backup) {
      keeps.push_back({timeline, 0, std::nullopt, "no backup leads to this timeline yet"});
    }
  }

  void AddRemarks() {
    for (const auto& [key, series] : series_) AddReferenceRemark(series);
    constexpr std::string_view kArchiveKey = "policies.wal_files.archive_after_days";
    if (!settings_.IsSet(kArchiveKey)) return;
    int64_t after = settings_.policies.wal_files.archive_after_days;
    plan_.remarks.push_back(
        after >= WalDays(settings_)
            ? fmt::format("{} ({}) has no effect: WAL is kept for {} days and deleted then",
                          kArchiveKey, after, WalDays(settings_))
            : fmt::format("{} ({}) has no effect: there is no cheaper storage to move WAL to; all "
                          "{} days of it stay where they are",
                          kArchiveKey, after, WalDays(settings_)));
  }

  void AddReferenceRemark(const Series& series) {
    if (series.reference == nullptr) {
      if (!series.backups.empty()) plan_.remarks.push_back(NoGoodBackup(series));
      return;
    }
    const BackupFacts& reference = *series.reference;
    auto newer = std::ranges::count_if(series.backups, [&](const BackupFacts* backup) {
      return backup->good && StoppedBefore(&reference, backup);
    });
    if (!reference.verified) {
      plan_.remarks.push_back(
          fmt::format("no backup{} is verified: ages count back from {}, the "
                      "newest good one",
                      OfDatabase(series), reference.id));
    } else if (newer > 0) {
      plan_.remarks.push_back(
          fmt::format("ages count back from {}, {}; {} newer ones are not verified yet",
                      reference.id, WhatReferenceIs(series), newer));
    }
  }

  const config::Settings& settings_;
  Backups backups_;
  std::map<SeriesKey, Series> series_;
  const Series& physical_;
  std::map<postgres::SystemIdentifier, const ArchivedWal*> archives_;
  KeepReasons reasons_;
  std::map<postgres::SystemIdentifier, PromisedWindow> windows_;
  RetentionPlan plan_;
};

}  // namespace

RetentionPlan PlanRetention(const std::vector<BackupFacts>& backups,
                            const config::Settings& settings,
                            const std::vector<ArchivedWal>& archives) {
  return RetentionPlanner(backups, settings, archives).Plan();
}

bool RetentionPlan::MayGo(postgres::SystemIdentifier system, postgres::WalSegment segment) const {
  const WalVerdict* before = nullptr;
  bool whole_timeline = true;
  for (const WalVerdict& verdict : wal) {
    if (verdict.range.system != system || verdict.range.timeline != segment.timeline) continue;
    if (verdict.keep) whole_timeline = false;
    if (verdict.range.first <= segment.number) before = &verdict;
  }
  if (before == nullptr || before->keep) return false;
  // The segment in which a timeline was left has only a .partial file, right behind the last one.
  return segment.number <= before->range.last + (whole_timeline ? 1 : 0);
}

}  // namespace pgcairn::commands
