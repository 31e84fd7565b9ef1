#include "commands/backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "commands/archived_history.h"
#include "commands/backup_base.h"
#include "commands/backup_manifest.h"
#include "commands/backup_run.h"
#include "commands/copy_files.h"
#include "commands/newest_memory.h"
#include "commands/open_cluster.h"
#include "commands/resumed_run.h"
#include "commands/server_check.h"
#include "commands/wal_wait.h"
#include "postgres/backup_session.h"
#include "postgres/connection.h"
#include "postgres/control_file.h"
#include "postgres/data_directory.h"
#include "postgres/external_config.h"
#include "postgres/server_facts.h"
#include "postgres/wal_switch.h"
#include "repository/checkpoint/checkpoint_store.h"
#include "repository/history_store.h"
#include "repository/manifest/manifest_store.h"
#include "repository/prune/trash.h"
#include "repository/wal_store/wal_store.h"
#include "util/clock.h"
#include "util/log.h"

namespace pgcairn::commands {
namespace {

// A run that is interrupted stores again what came after its last checkpoint. Each costs a metadata
// pack and a document, so that a few dozen of them are enough.
constexpr uint64_t kCheckpointsMean = 64;
constexpr uint64_t kCheckpointBytesMin = uint64_t{16} << 20;
constexpr uint64_t kCheckpointBytesMax = uint64_t{16} << 30;

// Everything that one run carries from step to step.
struct PhysicalRun : BackupRun {
  const BackupOptions& options;
  postgres::Connection connection;
  postgres::ServerFacts facts;
  std::string data_directory;
};

// Asks for the insert position over a connection of its own, opened when a page is first in doubt.
class InsertPosition {
 public:
  explicit InsertPosition(const config::Settings& settings) : settings_(settings) {}

  Result<postgres::Lsn> operator()() {
    std::lock_guard lock(mutex_);
    if (!connection_) {
      ASSIGN_OR_RETURN(postgres::Connection connection, Connect(settings_));
      connection_.emplace(std::move(connection));
    }
    ASSIGN_OR_RETURN(std::string text,
                     connection_->QueryCell("SELECT pg_catalog.pg_current_wal_insert_lsn()"));
    std::optional<postgres::Lsn> lsn = postgres::ParseLsn(text);
    if (!lsn) return Error{Code::kFailed, "the server's insert position is not an LSN", ""};
    return *lsn;
  }

 private:
  const config::Settings& settings_;
  std::mutex mutex_;
  std::optional<postgres::Connection> connection_;
};

// Asked before the server starts the backup, so that this will not begin before it.
Result<format::WalNeed> WalFromNowOn(PhysicalRun& run) {
  ASSIGN_OR_RETURN(std::string text,
                   run.connection.QueryCell("SELECT pg_catalog.pg_current_wal_insert_lsn()"));
  std::optional<postgres::Lsn> lsn = postgres::ParseLsn(text);
  if (!lsn) return Error{Code::kFailed, "the server's insert position is not an LSN", ""};
  format::WalNeed need;
  need.set_system_identifier(run.facts.system_identifier.value);
  need.set_timeline(run.facts.timeline.value);
  need.set_from_lsn(lsn->value);
  return need;
}

Result<BackupBase> Begin(PhysicalRun& run) {
  ASSIGN_OR_RETURN(format::WalNeed wal, WalFromNowOn(run));
  std::optional<BaseWanted> wanted;
  if (run.options.incremental) wanted.emplace(BaseWanted{run.facts.system_identifier.value});
  return BeginRun(run, wanted, wal);
}

// Of a run that ended early, what it had stored; the lease is written.
Result<std::optional<ResumedRun>> GoOnFromEarlierRun(const PhysicalRun& run, BackupBase& base) {
  if (run.options.test) return std::optional<ResumedRun>();
  Result<repository::TrashedObjects> trashed = repository::ReadTrash(run.cluster());
  if (!trashed.ok()) {
    LogWarning("nothing that an interrupted backup left is used: {}", trashed.error().message);
    return std::optional<ResumedRun>();
  }
  ASSIGN_OR_RETURN(
      std::optional<ResumedRun> resumed,
      ResumeEarlierRun({run.cluster(), run.backup_id, *trashed, run.facts.system_identifier.value},
                       base));
  if (resumed) LogInfo("going on from what the backup {} had stored", resumed->run_id);
  base.map.MarkLost(trashed->packs());
  return resumed;
}

Result<PhysicalRun> PreparePhysical(const config::Settings& settings,
                                    const BackupOptions& options) {
  ASSIGN_OR_RETURN(OpenedCluster opened, OpenCluster(settings));
  ASSIGN_OR_RETURN(postgres::Connection connection, Connect(settings));
  ASSIGN_OR_RETURN(postgres::ServerFacts facts, postgres::ReadServerFacts(connection));
  RETURN_IF_ERROR(CheckReadyForBackup(facts));
  ASSIGN_OR_RETURN(std::string data_directory, ProveDataDirectory(settings, facts));
  RETURN_IF_ERROR(repository::RequireSystem(*opened.cluster, facts.system_identifier.value));
  return PhysicalRun{{settings, options.test, std::move(opened)},
                     options,
                     std::move(connection),
                     std::move(facts),
                     std::move(data_directory)};
}

// Archiving is proven before anything is copied: a segment that is finished now must arrive. The
// server switches segments when the backup starts; the marker makes sure that there is one to
// finish.
Result<std::string> MarkSegment(PhysicalRun& run) {
  ASSIGN_OR_RETURN(postgres::Lsn marker, postgres::EmitWalMarker(run.connection));
  return postgres::WalSegmentName(
      postgres::SegmentBefore(run.facts.timeline, marker, run.facts.wal_segment_size),
      run.facts.wal_segment_size);
}

Status ArchiveHistoryOfServer(const PhysicalRun& run) {
  return ArchiveHistory(repository::WalStore(run.cluster(), run.facts.system_identifier.value),
                        run.facts.timeline, run.data_directory + "/pg_wal",
                        static_cast<int>(run.settings.compression.level));
}

Status CheckControlFile(const PhysicalRun& run, const postgres::BackupStart& start) {
  ASSIGN_OR_RETURN(postgres::ControlFileRead read, postgres::ReadControlFile(run.data_directory));
  if (read.control.checkpoint_redo < start.lsn) {
    return Error{
        Code::kRefused,
        fmt::format("pg_control in {} knows a checkpoint at {}, before the backup's start "
                    "at {}",
                    run.data_directory, read.control.checkpoint_redo.ToText(), start.lsn.ToText()),
        "the directory is not the running server's: check cluster.data_directory"};
  }
  if (read.control.checkpoint_timeline != start.timeline) {
    return Error{Code::kRefused, "pg_control is on another timeline than the server",
                 "the directory is not the running server's: check cluster.data_directory"};
  }
  return {};
}

Result<postgres::ExternalConfig> CollectConfig(const PhysicalRun& run) {
  postgres::ExternalConfigPaths paths;
  paths.data_directory = run.data_directory;
  paths.config_file = run.facts.config_file;
  paths.hba_file = run.facts.hba_file;
  paths.ident_file = run.facts.ident_file;
  paths.included_files = run.facts.config_files;
  return postgres::CollectExternalConfig(paths);
}

// The file system's clock, as the newest stamp shows it, where the host's runs ahead of it.
int64_t ListedAtUs(const postgres::DataDirectoryListing& listing, Timestamp before_listing) {
  int64_t newest_ns = 0;
  for (const postgres::DataFile& file : listing.files) {
    newest_ns = std::max({newest_ns, file.ctime_ns, file.mtime_ns});
  }
  return std::min(before_listing.unix_us, newest_ns / 1000);
}

// Which files count as unchanged, and which packs are to be emptied.
void CompareWith(BackupBase& base, const PhysicalRun& run, uint32_t timeline, CopyOptions& copy,
                 format::Manifest& manifest) {
  if (!base.manifest) {
    manifest.set_type(format::Manifest::FULL);
    return;
  }
  manifest.set_type(format::Manifest::INCREMENTAL);
  manifest.set_base_backup_id(base.manifest->backup_id());
  copy.rules.reason = JudgeStamps(
      *base.manifest, {run.options.verify_unchanged, run.settings.backup.verify_unchanged_days,
                       run.started, timeline});
  copy.rules.trusted_before_ns = TrustedBeforeNs(*base.manifest);
  copy.reader.judged_before = {base.manifest->start_lsn()};
  copy.what_to_empty = [&base, &run](uint64_t bytes_to_read) {
    // What will change is not known yet: as much as before, and no more than is read.
    return repository::ChoosePacksToEmpty(
        base.map.PackUses(), static_cast<double>(run.settings.compaction.live_share_min) / 100,
        std::min(base.manifest->new_data_bytes(), bytes_to_read));
  };
}

format::Checkpoint CheckpointHead(const PhysicalRun& run, const BackupBase& base) {
  format::Checkpoint head;
  head.set_backup_id(run.backup_id);
  head.set_system_identifier(run.facts.system_identifier.value);
  if (base.manifest) head.set_base_backup_id(base.manifest->backup_id());
  return head;
}

Result<CopyResult> CopyDataDirectory(PhysicalRun& run, postgres::BackupSession& session,
                                     const postgres::DataDirectoryListing& listing,
                                     const postgres::ExternalConfig& config, BackupBase& base,
                                     const std::optional<ResumedRun>& resumed,
                                     sources::PageFindings& findings, format::Manifest& manifest) {
  InsertPosition insert_position(run.settings);
  CheckpointWriter checkpoints(
      run.cluster(), CheckpointHead(run, base), resumed ? resumed->checkpoints : 0,
      std::clamp(listing.bytes_total / kCheckpointsMean, kCheckpointBytesMin, kCheckpointBytesMax));
  if (resumed) manifest.set_resumed_from(resumed->run_id);
  Progress progress(run.options.progress, "backup", listing.bytes_total);
  auto last_ping = MonotonicSeconds();
  CopyOptions copy{listing,
                   config.files,
                   {run.data_directory, run.facts.data_checksums, run.facts.segment_size_pages,
                    session.start().lsn, [&] { return insert_position(); }, &findings},
                   static_cast<size_t>(run.settings.performance.jobs),
                   static_cast<int>(run.settings.compression.level),
                   progress,
                   [&]() -> Status {
                     constexpr double kPingSeconds = 5;
                     if (MonotonicSeconds() - last_ping < kPingSeconds) return {};
                     last_ping = MonotonicSeconds();
                     return session.Ping();
                   },
                   base.map,
                   {},
                   run.options.test ? nullptr : &checkpoints,
                   {}};
  CompareWith(base, run, session.start().timeline.value, copy, manifest);
  ASSIGN_OR_RETURN(CopyResult copied, CopyFiles(run.cluster(), copy));
  const bool all_read = !base.manifest || copied.reason != CompareReason::kNone;
  manifest.set_compare_reason(base.manifest ? NameOf(copied.reason) : "full");
  manifest.set_compared_at_us(all_read ? run.started.unix_us : base.manifest->compared_at_us());
  if (base.manifest) manifest.add_notes(Explain(copied.reason, copied.reason_detail));
  return copied;
}

// The role that every cluster has and that may enter every database: the trial restore's.
Result<std::string> BootstrapSuperuser(postgres::Connection& connection) {
  return connection.QueryCell(
      "SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10 -- BOOTSTRAP_SUPERUSERID");
}

BackupReport Summarise(const PhysicalRun& run, const format::Manifest& manifest) {
  BackupReport report;
  report.backup_id = run.backup_id;
  report.test = run.options.test;
  report.start_lsn = postgres::Lsn{manifest.start_lsn()}.ToText();
  report.stop_lsn = postgres::Lsn{manifest.stop_lsn()}.ToText();
  report.timeline = manifest.timeline();
  report.incremental = manifest.type() == format::Manifest::INCREMENTAL;
  report.base_backup_id = manifest.base_backup_id();
  report.compare_reason = manifest.compare_reason();
  report.resumed_from = manifest.resumed_from();
  report.files = manifest.stream_count();
  report.files_unchanged = manifest.files_unchanged();
  report.files_compared = manifest.files_compared();
  report.bytes_stored = manifest.new_pack_bytes();
  report.data_bytes_stored = manifest.new_data_bytes();
  report.metadata_bytes_stored = manifest.new_metadata_bytes();
  report.bytes_compacted = manifest.compacted_bytes();
  report.pages_read = manifest.pages_read();
  report.pages_changed = manifest.pages_changed();
  report.pages_stored = manifest.pages_stored();
  report.pages_compacted = manifest.pages_compacted();
  report.unseen_changes.assign(manifest.unseen_changes().begin(), manifest.unseen_changes().end());
  report.unseen_change_count = manifest.unseen_change_count();
  report.pages_checked = manifest.pages_checked();
  report.pages_torn = manifest.pages_torn();
  report.bad_page_count = manifest.bad_page_count();
  for (const format::BadPage& bad : manifest.bad_pages()) {
    report.bad_pages.push_back(fmt::format("{} block {}", bad.path(), bad.block()));
  }
  report.notes.assign(manifest.notes().begin(), manifest.notes().end());
  return report;
}

// The server's clock, for it is the server's clock that stamps commit records.
Result<int64_t> ServerTimeUs(postgres::Connection& connection) {
  ASSIGN_OR_RETURN(
      std::string text,
      connection.QueryCell("SELECT (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) "
                           "* 1000000)::bigint"));
  return std::stoll(text);
}

Status FinishManifest(PhysicalRun& run, postgres::BackupSession& session,
                      const postgres::DataDirectoryListing& listing, const CopyResult& copied,
                      format::Manifest& manifest) {
  ASSIGN_OR_RETURN(postgres::BackupSession::StopResult stop, session.Stop());
  ASSIGN_OR_RETURN(int64_t stop_time_us, ServerTimeUs(run.connection));
  manifest.set_timeline(stop.timeline.value);
  manifest.set_start_lsn(session.start().lsn.value);
  manifest.set_stop_lsn(stop.stop_lsn.value);
  manifest.set_stop_time_us(stop_time_us);
  manifest.set_backup_label(stop.backup_label);
  ASSIGN_OR_RETURN(*manifest.mutable_tablespace_map(),
                   AbsoluteTablespaceMap(listing, std::move(stop.tablespace_map),
                                         static_cast<int>(manifest.server_version_num() / 10000)));
  DescribeCopy(copied, manifest);
  return NamePredecessor(*run.opened.cluster, manifest);
}

Status AwaitWal(PhysicalRun& run, const std::vector<std::string>& segments,
                format::Manifest* manifest, double* seconds) {
  repository::WalStore wal(*run.opened.cluster, run.facts.system_identifier.value);
  double began = MonotonicSeconds();
  ASSIGN_OR_RETURN(
      std::vector<format::WalProof> proofs,
      WaitForSegments(wal, segments, run.settings.cluster.wal_timeout, run.connection));
  for (format::WalProof& proof : proofs) {
    // What stands in a header proves nothing until the segment itself was read.
    ASSIGN_OR_RETURN(repository::ContentIdentity identity, wal.Prove(proof.name()));
    proof.set_content_identity(ToString(identity.view()));
    if (manifest != nullptr) *manifest->add_wal() = std::move(proof);
  }
  *seconds += MonotonicSeconds() - began;
  return {};
}

}  // namespace

Result<BackupReport> Backup(const config::Settings& settings, const BackupOptions& options) {
  const double began = MonotonicSeconds();
  ASSIGN_OR_RETURN(PhysicalRun run, PreparePhysical(settings, options));
  if (!options.test) RemoveStaleTemporaries(settings);
  BackupRunEnd end(run);
  ASSIGN_OR_RETURN(BackupBase base, Begin(run));
  ASSIGN_OR_RETURN(std::optional<ResumedRun> resumed, GoOnFromEarlierRun(run, base));
  RETURN_IF_ERROR(ForgetDamagedPacks(run, base));
  format::Manifest manifest;
  DescribeRun(
      {run.backup_id, settings.cluster.name, options.note, run.started, format::Manifest::PHYSICAL},
      manifest);
  DescribeServer(run.facts, run.data_directory, manifest);
  ASSIGN_OR_RETURN(std::string superuser, BootstrapSuperuser(run.connection));
  AddSetting(manifest, "bootstrap_superuser", superuser);
  double wal_wait_seconds = 0;
  RETURN_IF_ERROR(ArchiveHistoryOfServer(run));
  ASSIGN_OR_RETURN(std::string proof_segment, MarkSegment(run));
  ASSIGN_OR_RETURN(postgres::BackupSession session,
                   postgres::BackupSession::Start(run.connection, "pgcairn " + run.backup_id,
                                                  options.fast_checkpoint));
  RETURN_IF_ERROR(AwaitWal(run, {proof_segment}, nullptr, &wal_wait_seconds)
                      .Context("proving that WAL is archived before copying"));
  RETURN_IF_ERROR(CheckControlFile(run, session.start()));

  ASSIGN_OR_RETURN(postgres::ControlFileRead control,
                   postgres::ReadControlFile(run.data_directory));
  manifest.set_catalog_version(control.control.catalog_version);
  const Timestamp before_listing = Timestamp::Now();
  ASSIGN_OR_RETURN(postgres::DataDirectoryListing listing,
                   postgres::ListDataDirectory(
                       run.data_directory, postgres::TablespaceVersionDirectory(control.control)));
  manifest.set_listed_at_us(ListedAtUs(listing, before_listing));
  DescribeTablespaces(run.facts, listing, manifest);
  ASSIGN_OR_RETURN(postgres::ExternalConfig config, CollectConfig(run));
  for (const std::string& note : listing.notes) manifest.add_notes(note);
  for (const std::string& note : config.notes) manifest.add_notes(note);

  sources::PageFindings findings;
  const double copy_began = MonotonicSeconds();
  ASSIGN_OR_RETURN(CopyResult copied, CopyDataDirectory(run, session, listing, config, base,
                                                        resumed, findings, manifest));
  const double copy_seconds = MonotonicSeconds() - copy_began;
  DescribeFindings(findings, manifest);
  // pg_control last: it must not be older than anything that was copied before it.
  ASSIGN_OR_RETURN(control, postgres::ReadControlFile(run.data_directory));
  manifest.set_control_file(ToString(control.bytes));

  RETURN_IF_ERROR(FinishManifest(run, session, listing, copied, manifest));
  RETURN_IF_ERROR(AwaitWal(run,
                           SegmentsBetween({manifest.timeline()}, {manifest.start_lsn()},
                                           {manifest.stop_lsn()}, run.facts.wal_segment_size),
                           &manifest, &wal_wait_seconds)
                      .Context("waiting for the WAL that the backup needs"));
  manifest.set_finished_at_us(Timestamp::Now().unix_us);
  RETURN_IF_ERROR(repository::CommitBackup(run.cluster(), manifest, copied.packs));
  if (!options.test) {
    RememberBackup(settings, *run.opened.cluster, run.backup_id);
    Status removed = repository::RemoveCheckpoints(run.cluster(), run.backup_id);
    if (!removed.ok()) LogWarning("{}", removed.error().message);
  }

  BackupReport report = Summarise(run, manifest);
  report.bytes_read = copied.bytes_read;
  report.packs = copied.new_packs.size();
  report.seconds = MonotonicSeconds() - began;
  report.copy_seconds = copy_seconds;
  report.wal_wait_seconds = wal_wait_seconds;
  return report;
}

}  // namespace pgcairn::commands
