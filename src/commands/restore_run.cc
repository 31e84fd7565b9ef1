#include "commands/restore_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "commands/delta_check.h"
#include "commands/delta_cleanup.h"
#include "commands/delta_takeover.h"
#include "commands/file_system_sync.h"
#include "commands/pack_presence.h"
#include "commands/restore_marker.h"
#include "postgres/control_file.h"
#include "postgres/tablespace_map.h"
#include "util/file.h"

namespace pgcairn::commands {
namespace {

constexpr uint64_t kAutoConfBytesMax = uint64_t{16} * 1024 * 1024;
// Every file of a data directory may be read by the group when the directory is 0750.
mode_t FileMode(const format::Manifest& manifest) {
  return manifest.data_directory_mode() == 0750 ? 0640 : 0600;
}

Status WriteRecoverySettings(const config::Settings& settings, const RecoveryPlan& plan,
                             const RestorePlaces& places, const RestoreOptions& options) {
  std::string path = places.data_directory + "/postgresql.auto.conf";
  std::string old;
  Result<Bytes> read = ReadFile(path, kAutoConfBytesMax);
  if (read.ok()) {
    old = ToString(*read);
  } else if (read.code() != Code::kNotFound) {
    return read.status();
  }
  RecoverySettings recovery;
  ASSIGN_OR_RETURN(recovery.restore_command, WalCommand(settings, "fetch %f %p"));
  recovery.action = options.target_action;
  recovery.keep_archive_mode = options.keep_archive_mode;
  mode_t mode = FileMode(plan.manifest);
  RETURN_IF_ERROR(WriteFileDurably(path, AsBytes(RewriteAutoConf(old, plan, recovery)), mode));
  return WriteFileDurably(places.data_directory + "/recovery.signal", {}, mode);
}

Result<std::string> TablespaceMapText(const format::Manifest& manifest,
                                      const RestorePlaces& places) {
  if (!places.tablespaces_moved) return manifest.tablespace_map();
  std::vector<postgres::TablespaceMapEntry> entries;
  for (const auto& [oid, location] : places.tablespace_locations) {
    entries.push_back({oid, location});
  }
  return postgres::WriteTablespaceMap(entries,
                                      static_cast<int>(manifest.server_version_num() / 10000));
}

Status WriteLabels(const format::Manifest& manifest, const RestorePlaces& places) {
  mode_t mode = FileMode(manifest);
  RETURN_IF_ERROR(WriteFileDurably(places.data_directory + "/backup_label",
                                   AsBytes(manifest.backup_label()), mode));
  ASSIGN_OR_RETURN(std::string map, TablespaceMapText(manifest, places));
  if (map.empty()) return {};
  return WriteFileDurably(places.data_directory + "/tablespace_map", AsBytes(map), mode);
}

Status CheckManifestParts(const format::Manifest& manifest) {
  ASSIGN_OR_RETURN(postgres::ControlFile control,
                   postgres::ParseControlFile(AsBytes(manifest.control_file())));
  if (control.system_identifier.value != manifest.system_identifier() ||
      manifest.backup_label().empty()) {
    return Error{Code::kDamaged,
                 fmt::format("the manifest of {} contradicts itself", manifest.backup_id()),
                 "restore from another backup"};
  }
  return {};
}

// The file systems that a restore writes to.
struct TargetSyncs {
  std::vector<FileSystemSync> trees;
  // The configuration lies beside the data directory, which may be a disk of its own.
  FileSystemSync config;
};

Result<TargetSyncs> BeginSyncs(const RestorePlaces& places) {
  std::vector<std::string> directories{places.data_directory};
  for (const auto& [oid, location] : places.tablespace_locations) directories.push_back(location);
  // On another disk than the data directory, old WAL must not come back there.
  const std::string wal = places.data_directory + "/pg_wal";
  std::error_code error;
  if (std::filesystem::is_symlink(wal, error)) directories.push_back(wal);
  std::vector<FileSystemSync> trees;
  for (const std::string& directory : directories) {
    ASSIGN_OR_RETURN(FileSystemSync sync, FileSystemSync::Begin(directory));
    trees.push_back(std::move(sync));
  }
  ASSIGN_OR_RETURN(FileSystemSync config, FileSystemSync::Begin(places.config_directory));
  return TargetSyncs{std::move(trees), std::move(config)};
}

Status FinishSyncs(TargetSyncs& syncs, bool with_config) {
  for (FileSystemSync& sync : syncs.trees) RETURN_IF_ERROR(sync.Finish());
  return with_config ? syncs.config.Finish() : Status{};
}

// Before the old directory is made unusable: a backup that cannot be read must not cost it.
Result<PathsOfBackup> CheckBeforeDelta(const repository::ClusterAccess& cluster,
                                       const format::Manifest& manifest,
                                       const RestorePlaces& places) {
  ASSIGN_OR_RETURN(PathsOfBackup wanted, ReadPathsOfBackup(cluster, manifest));
  RETURN_IF_ERROR(RequirePacks(cluster, wanted.pack_bytes));
  RETURN_IF_ERROR(CheckDeltaConfig(wanted, places));
  return wanted;
}

// Returns how many files went.
Result<uint64_t> TakeOverDirectory(PathsOfBackup wanted, const format::Manifest& manifest,
                                   const RestorePlaces& places) {
  const std::string& data = places.data_directory;
  RETURN_IF_ERROR(TakeFromServers(data));
  ASSIGN_OR_RETURN(uint64_t removed, RemoveWhatBackupLacks(std::move(wanted), manifest, places));
  RETURN_IF_ERROR(PlaceDirectory(data, DataDirectoryMode(manifest.data_directory_mode()),
                                 Existing::kReuse, true));
  return removed;
}

}  // namespace

Result<WrittenDirectory> WriteRestoredDirectory(const config::Settings& settings,
                                                const repository::ClusterAccess& cluster,
                                                const RecoveryPlan& plan,
                                                const RestorePlaces& places,
                                                const RestoreOptions& options, Existing existing,
                                                const RestoreSelection& selection) {
  const format::Manifest& manifest = plan.manifest;
  const std::string& data = places.data_directory;
  const bool delta = existing == Existing::kReuse;
  RETURN_IF_ERROR(CheckManifestParts(manifest));
  PathsOfBackup wanted;
  if (delta) {
    ASSIGN_OR_RETURN(wanted, CheckBeforeDelta(cluster, manifest, places));
  }
  ASSIGN_OR_RETURN(TargetSyncs syncs, BeginSyncs(places));
  // A page that an earlier run failed to write stays in the kernel's memory, marked clean, where a
  // comparison would find it right.
  const bool distrust_cache = delta && HasRestoreMarker(data);
  RETURN_IF_ERROR(WriteRestoreMarker(data, {manifest.system_identifier(), manifest.backup_id()}));
  WrittenDirectory written;
  if (delta) {
    ASSIGN_OR_RETURN(written.files_removed, TakeOverDirectory(std::move(wanted), manifest, places));
  }
  if (distrust_cache) RETURN_IF_ERROR(FinishSyncs(syncs, true));
  Progress progress(options.progress, "restore",
                    manifest.stream_bytes() - selection.bytes_left_out);
  RestoreFilesOptions files{{data, places.config_directory, places.tablespace_locations},
                            static_cast<size_t>(settings.performance.jobs),
                            progress,
                            existing,
                            distrust_cache,
                            selection};
  ASSIGN_OR_RETURN(written.files, RestoreFiles(cluster, manifest, files));
  RETURN_IF_ERROR(WriteRecoverySettings(settings, plan, places, options));
  RETURN_IF_ERROR(WriteLabels(manifest, places));
  RETURN_IF_ERROR(FinishSyncs(syncs, !written.files.config_files.empty()));
  // Only now can a server start here.
  RETURN_IF_ERROR(WriteFileDurably(data + "/" + postgres::kControlFilePath,
                                   AsBytes(manifest.control_file()), FileMode(manifest)));
  RETURN_IF_ERROR(RemoveRestoreMarker(data));
  return written;
}

RestoreReport BeginReport(const RecoveryPlan& plan, const RestorePlaces& places,
                          const WrittenDirectory& written,
                          const storage::CountingStorage& requests) {
  RestoreReport report;
  report.backup_id = plan.manifest.backup_id();
  report.data_directory = places.data_directory;
  if (!written.files.config_files.empty()) report.config_directory = places.config_directory;
  report.timeline = plan.timeline.value;
  report.target = plan.target.Describe();
  report.explanation = plan.explanation;
  report.files = written.files.files;
  report.bytes = written.files.bytes;
  report.pages_compared = written.files.pages_compared;
  report.pages_written = written.files.pages_written;
  report.bytes_written = written.files.bytes_written;
  report.files_removed = written.files_removed;
  for (size_t kind = 0; kind < storage::kRequestKinds; ++kind) {
    const auto request = static_cast<storage::Request>(kind);
    const storage::RequestCount count = requests.Count(request);
    report.requests += count.requests;
    if (request != storage::Request::kPut) report.bytes_fetched += count.bytes;
  }
  return report;
}

}  // namespace pgcairn::commands
