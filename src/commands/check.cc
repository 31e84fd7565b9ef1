#include "commands/check.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "commands/clock_check.h"
#include "commands/database_check.h"
#include "commands/memory_check.h"
#include "commands/newest_backup.h"
#include "commands/open_cluster.h"
#include "commands/permission_check.h"
#include "commands/recovery_window.h"
#include "commands/server_check.h"
#include "commands/wal_wait.h"
#include "postgres/server_facts.h"
#include "postgres/wal_switch.h"
#include "repository/history_store.h"
#include "repository/keys/key_leftovers.h"
#include "repository/manifest/manifest_store.h"
#include "repository/wal_store/wal_store.h"
#include "storage/local/local_storage.h"
#include "storage/probe.h"
#include "util/file.h"
#include "util/progress.h"

namespace pgcairn::commands {
namespace {

class Checker {
 public:
  explicit Checker(const config::Settings& settings) : settings_(settings) {}

  CheckReport Run() {
    CheckConfiguration();
    AddAll(CheckPermissions(settings_));
    CheckStorage();
    ConnectToServer();
    if (settings_.cluster.method == config::Method::kLogical) {
      if (connection_) {
        AddAll(CheckDatabase(settings_, *connection_, opened_ ? opened_->cluster.get() : nullptr));
      }
    } else {
      CheckServer();
      CheckDataDirectory();
    }
    CheckClocks();
    // Before archiving: a segment that arrives now would take the place of the one remembered.
    if (opened_)
      AddAll(CheckMemory(NewestMemory::Of(settings_, *opened_->cluster), *opened_->cluster));
    CheckArchiving();
    CheckBackups();
    return std::move(report_);
  }

 private:
  void Add(std::string subject, Severity severity, std::string message, std::string remedy = "") {
    report_.findings.push_back(
        {std::move(subject), severity, std::move(message), std::move(remedy)});
  }
  void AddAll(std::vector<Finding> findings) {
    for (Finding& finding : findings) report_.findings.push_back(std::move(finding));
  }
  void AddError(std::string subject, const Error& error) {
    Add(std::move(subject), Severity::kError, error.message, error.hint);
  }

  void CheckConfiguration() {
    Add("configuration", Severity::kOk,
        settings_.config_file.empty() ? "no configuration file: defaults and environment"
                                      : settings_.config_file);
    for (const std::string& key : config::KeysNotInEffect(settings_)) {
      Add("configuration", Severity::kWarning, key);
    }
    Result<UniqueFd> log = Open(settings_.LogFile(), O_WRONLY | O_APPEND);
    if (!log.ok()) {
      Add("log", Severity::kWarning, fmt::format("no log is kept: {}", log.error().message),
          "set storage.log_path to a folder that this user can write");
    } else {
      Add("log", Severity::kOk, settings_.LogFile());
    }
  }

  void CheckStorage() {
    Result<std::unique_ptr<storage::LocalStorage>> storage =
        storage::LocalStorage::Open(settings_.storage.local_path);
    if (!storage.ok()) return AddError("repository", storage.error());
    Status abilities = storage::ProbeAbilities(**storage);
    if (!abilities.ok()) return AddError("repository", abilities.error());
    Result<storage::Space> space = (*storage)->FreeSpace();
    if (!space.ok()) return AddError("repository", space.error());
    bool low = space->free_bytes < space->total_bytes / 20;
    Add("repository", low ? Severity::kWarning : Severity::kOk,
        fmt::format("{}: {} of {} free", (*storage)->Describe(), FormatBytes(space->free_bytes),
                    FormatBytes(space->total_bytes)),
        low ? "less than 5 % is free: make room before a backup fails" : "");
    Result<OpenedCluster> opened = OpenCluster(settings_);
    if (!opened.ok()) return AddError("key", opened.error());
    opened_ = std::move(*opened);
    Add("key", Severity::kOk,
        opened_->cluster->keys.encrypted()
            ? fmt::format("opened with access key {}; the keys are of {}",
                          opened_->cluster->keys.opened_with().ToHex(),
                          opened_->cluster->keys.epoch_began().ToText())
            : "the repository is not encrypted");
    CheckKeyLeftovers();
  }

  void CheckKeyLeftovers() {
    Result<repository::KeyLeftovers> left =
        repository::FindKeyLeftovers(*opened_->storage, opened_->cluster->names);
    if (!left.ok()) return AddError("key", left.error());
    if (left->empty()) return;
    Add("key", Severity::kWarning,
        fmt::format("a run that changes the keys goes on, or was interrupted and left {} access "
                    "keys of roots that are not in force",
                    left->access_keys.size()),
        "run `pgcairn init`, or the next key command: both remove them");
  }

  void ConnectToServer() {
    Result<postgres::Connection> connection = Connect(settings_);
    if (!connection.ok()) return AddError("server", connection.error());
    connection_.emplace(std::move(*connection));
  }

  void CheckServer() {
    if (!connection_) return;
    Result<postgres::ServerFacts> facts = postgres::ReadServerFacts(*connection_);
    if (!facts.ok()) return AddError("server", facts.error());
    facts_ = std::move(*facts);
    Add("server", Severity::kOk,
        fmt::format("PostgreSQL {}, system identifier {}, timeline {}, data checksums {}",
                    facts_->major, facts_->system_identifier.value, facts_->timeline.value,
                    facts_->data_checksums ? "on" : "off"));
    if (!facts_->data_checksums) {
      Add("server", Severity::kWarning,
          "data checksums are off: damaged pages cannot be told from good ones",
          "pg_checksums --enable, while the server is stopped, switches them on");
    }
    Status ready = CheckReadyForBackup(*facts_);
    if (!ready.ok()) AddError("server", ready.error());
    if (!opened_) return;
    Result<format::ClusterHistory> known =
        repository::RequireSystem(*opened_->cluster, facts_->system_identifier.value);
    if (!known.ok()) AddError("repository", known.error());
    own_archive_ = known.ok();
  }

  void CheckDataDirectory() {
    if (!facts_) return;
    const std::string& configured = settings_.cluster.data_directory;
    AddAll(
        CheckArchiverAccess(settings_, configured.empty() ? facts_->data_directory : configured));
    Result<std::string> directory = ProveDataDirectory(settings_, *facts_);
    if (!directory.ok()) return AddError("data directory", directory.error());
    Add("data directory", Severity::kOk, *directory);
    AddAll(CheckTablespaceAccess(*facts_));
  }

  void CheckClocks() {
    if (connection_) CheckClock(ReadServerClock(*connection_));
    if (!opened_) return;
    CheckClock(ReadStorageClock(*opened_->storage));
    Result<std::vector<Finding>> ahead = FindWhatLiesAhead(*opened_->cluster, Timestamp::Now());
    if (!ahead.ok()) return AddError("clock", ahead.error());
    AddAll(std::move(*ahead));
  }

  void CheckClock(const Result<ClockReading>& reading) {
    if (!reading.ok()) return AddError("clock", reading.error());
    report_.findings.push_back(JudgeClock(*reading));
  }

  void CheckArchiving() {
    if (!facts_ || !CheckReadyForBackup(*facts_).ok()) return;
    if (facts_->archive_timeout_s == 0) {
      Add("archiving", Severity::kWarning,
          fmt::format("archive_timeout is 0: when the host is lost, everything since the last full "
                      "segment ({}) is lost with it, however long ago that was",
                      FormatBytes(facts_->wal_segment_size)),
          "set archive_timeout = 60 to bound the loss to a minute of work");
    } else {
      Add("archiving", Severity::kOk,
          fmt::format("archive_timeout is {} s: that much work can be lost with the host",
                      facts_->archive_timeout_s));
    }
    if (!opened_ || !own_archive_) return;
    Status round_trip = ArchiveOneSegment();
    if (!round_trip.ok()) return AddError("archiving", round_trip.error());
    Add("archiving", Severity::kOk, "a segment was archived and read back");
  }

  // A segment that the server finishes now arrives, and comes back byte for byte.
  Status ArchiveOneSegment() {
    ASSIGN_OR_RETURN(postgres::Lsn marker, postgres::EmitWalMarker(*connection_));
    RETURN_IF_ERROR(postgres::SwitchWal(*connection_));
    std::string name = postgres::WalSegmentName(
        postgres::SegmentBefore(facts_->timeline, marker, facts_->wal_segment_size),
        facts_->wal_segment_size);
    repository::WalStore wal(*opened_->cluster, facts_->system_identifier.value);
    RETURN_IF_ERROR(WaitForSegments(wal, {name}, settings_.cluster.wal_timeout, *connection_));
    return wal.Prove(name).status();
  }

  void CheckBackups() {
    if (!opened_) return;
    Result<std::vector<std::string>> ids = repository::ListBackupIds(*opened_->cluster);
    if (!ids.ok()) return AddError("backups", ids.error());
    if (ids->empty()) {
      return Add("backups", Severity::kWarning, "there is no backup yet", "run `pgcairn backup`");
    }
    const std::vector<format::Manifest> manifests = ReadManifests(*ids);
    CheckWindow(manifests);
    JudgeNewest(*ids, manifests);
  }

  // Those that can be read, oldest first.
  std::vector<format::Manifest> ReadManifests(const std::vector<std::string>& ids) {
    std::vector<format::Manifest> manifests;
    for (const std::string& id : ids) {
      Result<repository::StoredManifest> stored = repository::ReadManifest(*opened_->cluster, id);
      if (!stored.ok()) {
        AddError("backups", stored.error());
      } else {
        manifests.push_back(std::move(stored->manifest));
      }
    }
    return manifests;
  }

  static const format::Manifest* NewestPhysical(const std::vector<format::Manifest>& manifests) {
    auto newest = std::find_if(manifests.rbegin(), manifests.rend(), [](const auto& manifest) {
      return manifest.method() != format::Manifest::LOGICAL;
    });
    return newest == manifests.rend() ? nullptr : &*newest;
  }

  void JudgeNewest(const std::vector<std::string>& ids,
                   const std::vector<format::Manifest>& manifests) {
    if (manifests.empty() || manifests.back().backup_id() != ids.back()) return;  // named before
    const format::Manifest* physical = NewestPhysical(manifests);
    const uint64_t bad = physical == nullptr ? 0 : physical->bad_page_count();
    if (bad > 0) {
      const std::string& id = physical->backup_id();
      Add("backups", Severity::kError,
          fmt::format("{} in all, the newest {}is {} with {} bad pages", ids.size(),
                      id == ids.back() ? "" : "physical one ", id, bad),
          fmt::format("`pgcairn show {}` names the pages", id));
      return;
    }
    NameNewest(manifests, ids.size());
    if (settings_.cluster.method == config::Method::kLogical) return JudgeRows(manifests);
    // One that cannot be read may be a physical one.
    if (physical != nullptr || manifests.size() < ids.size()) return;
    Add("backups", Severity::kWarning,
        "all backups are of single databases: the cluster as a whole cannot be restored, nor any "
        "moment between them, whatever WAL is archived",
        "run `pgcairn backup`");
  }

  // Whoever looks how old the newest is means rows.
  void NameNewest(const std::vector<format::Manifest>& manifests, size_t count) {
    const std::string& newest = manifests.back().backup_id();
    auto with_rows = std::find_if(manifests.rbegin(), manifests.rend(), HoldsRows);
    if (with_rows == manifests.rbegin() || with_rows == manifests.rend()) {
      return Add("backups", Severity::kOk,
                 fmt::format("{} in all, the newest is {}", count, newest));
    }
    Add("backups", Severity::kOk,
        fmt::format(
            "{} in all, the newest that holds rows is {}, of {}; {} is of definitions alone", count,
            with_rows->backup_id(), Timestamp{with_rows->stop_time_us()}.ToText(), newest));
  }

  void JudgeRows(const std::vector<format::Manifest>& manifests) {
    if (std::ranges::any_of(manifests, HoldsRows)) return;
    Add("backups", Severity::kWarning,
        "all backups are of definitions alone: no row can be restored", "run `pgcairn backup`");
  }

  // Behind the newest backup it is about today: everything from there on is lost until the next
  // one.
  void JudgeGap(const WalGap& gap, const format::Manifest* newest) {
    const std::string push =
        "archive them again with `pgcairn wal push` if a server still has them";
    const bool open = newest == nullptr || IsBehind(gap, *newest);
    Add("recovery window", open ? Severity::kError : Severity::kWarning,
        fmt::format(
            "{} WAL segments are missing, {} to {}: no moment from there {} can be restored",
            gap.segments, gap.first_missing, gap.last_missing, open ? "on" : "to the next backup"),
        open ? push + ", or run `pgcairn backup` now" : push);
  }

  static bool IsBehind(const WalGap& gap, const format::Manifest& backup) {
    // Log and segment, in digits of a fixed number; the timeline comes before them.
    auto place = [](const std::string& segment) { return std::string_view(segment).substr(8, 16); };
    if (backup.wal().empty() || gap.timeline.value < backup.timeline()) return false;
    return place(gap.first_missing) > place(backup.wal().rbegin()->name());
  }

  void CheckWindow(const std::vector<format::Manifest>& manifests) {
    Result<ClusterWindows> windows = FindRecoveryWindows(*opened_->cluster, manifests);
    if (!windows.ok()) return AddError("recovery window", windows.error());
    for (const WalGap& gap : windows->gaps) JudgeGap(gap, NewestPhysical(manifests));
    for (const std::string& name : windows->lost_histories) {
      Add("recovery window", Severity::kError,
          fmt::format("{} is missing or damaged: no backup of an older timeline can be brought "
                      "onto that one",
                      name),
          "remove it if it is damaged, and archive it again from a server's pg_wal with `pgcairn "
          "wal push`");
    }
  }

  const config::Settings& settings_;
  CheckReport report_;
  std::optional<OpenedCluster> opened_;
  std::optional<postgres::Connection> connection_;
  std::optional<postgres::ServerFacts> facts_;
  bool own_archive_ = false;  // the server's WAL belongs into this repository
};

}  // namespace

bool CheckReport::HasErrors() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::kError; });
}

CheckReport Check(const config::Settings& settings) { return Checker(settings).Run(); }

}  // namespace pgcairn::commands
